// SPDX-License-Identifier: Apache-2.0
// A protocol in plaintext that precedes TLS on the same socket: STARTTLS, a proxy's CONNECT.
#pragma once

#include "sluice/asio/net.hpp"
#include "sluice/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace sluice {
inline namespace v0 {

// An object of this class is passed in connect_options: async_connect calls speak() between TCP and TLS, under the same
// deadline. starttls() and proxy_connect() return such objects (starttls.hpp, proxy_connect.hpp); for another protocol,
// derive from this class.
//
// speak() must read everything that the peer sent before both sides agreed on TLS. If plaintext follows the agreement,
// it must fail, because those bytes may be an attacker's (CVE-2011-0411).
class prelude {
 public:
  virtual ~prelude() = default;

  // Completes with a failure without a code if TLS may begin. An exception counts as a failure as well: a sluice::error
  // as the one that it holds, a system_error as its code. A failure without a place gets that of async_connect. It is
  // called once for each try, on a strand of async_connect. `socket` is valid until it completes. At the deadline, and
  // when the caller cancels, the socket is closed, which ends operations on it; async_connect completes only after
  // speak() has completed.
  virtual net::awaitable<failure> speak(net::ip::tcp::socket& socket) = 0;
};

}  // namespace v0
}  // namespace sluice
