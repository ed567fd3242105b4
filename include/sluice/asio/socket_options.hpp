// SPDX-License-Identifier: Apache-2.0
// What async_connect and the acceptor set on their sockets.
#pragma once

#include <chrono>
#include <type_traits>

namespace sluice::inline v0 {

// TCP's own probes of a peer that is quiet. The system counts whole seconds and takes 1 to 32767 of them, and 1 to
// 127 probes; anything else is errc::invalid_argument.
struct keep_alive_options {
  std::chrono::seconds idle{};      // quiet for so long, then the first probe (TCP_KEEPIDLE); zero: no probes
  std::chrono::seconds interval{};  // from one probe to the next (TCP_KEEPINTVL); zero: the system's
  int probes = 0;                   // unanswered, and the connection ends: timed_out (TCP_KEEPCNT); zero: the system's
};

struct tcp_options {
  bool no_delay = true;  // TCP_NODELAY: off, a handshake with a key in a token takes twice as long
  keep_alive_options keep_alive = {};
};
static_assert(std::is_trivially_copyable_v<tcp_options>);

}  // namespace sluice::inline v0
