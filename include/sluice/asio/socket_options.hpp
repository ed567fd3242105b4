// SPDX-License-Identifier: Apache-2.0
// The socket options that async_connect and the acceptor set.
#pragma once

#include <chrono>
#include <type_traits>

namespace sluice {
inline namespace v0 {

// TCP keep-alive. Times are whole seconds from 1 to 32767, and there may be 1 to 127 probes; other values are
// errc::invalid_argument.
struct keep_alive_options {
  std::chrono::seconds idle{};      // the idle time before the first probe (TCP_KEEPIDLE); zero: no probes
  std::chrono::seconds interval{};  // the time between two probes (TCP_KEEPINTVL); zero: the system's default
  int probes = 0;  // after as many unanswered probes the connection has timed_out (TCP_KEEPCNT); zero: the default
};

// The options of a TCP socket. A connecting socket gets them before it connects, accepted ones inherit them from the
// listener.
struct tcp_options {
  bool no_delay = true;                // TCP_NODELAY; without it, a handshake with a key in a token takes twice as long
  keep_alive_options keep_alive = {};  // off unless `idle` is set
};
static_assert(std::is_trivially_copyable_v<tcp_options>);

}  // namespace v0
}  // namespace sluice
