// SPDX-License-Identifier: Apache-2.0
// What is said in the clear before TLS begins: a STARTTLS command, a proxy's CONNECT.
#pragma once

#include "sluice/asio/net.hpp"
#include "sluice/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace sluice::inline v0 {

// Derive, and pass it in connect_options: async_connect then has it speak between TCP and TLS, under the one deadline.
//
// Leave nothing of the peer's unread that came before TLS was agreed on, and take nothing that comes behind the
// agreement for granted: bytes in the clear that follow it may be an attacker's (CVE-2011-0411), and must end it.
class prelude {
 public:
  virtual ~prelude() = default;

  // Completes with a failure without a code where TLS may begin; what it throws is a failure as well: sluice::error
  // its story, a system_error its code. A failure without a place gets async_connect's. Called once a try, on a strand
  // of async_connect's own; `socket` stays where it is until it completes. When time is up, or the caller cancels, the
  // socket is closed, which ends what waits for it; async_connect completes only when this has completed.
  virtual net::awaitable<failure> speak(net::ip::tcp::socket& socket) = 0;
};

}  // namespace sluice::inline v0
