// SPDX-License-Identifier: Apache-2.0
// Connects to a server through a proxy: HTTP's CONNECT, or SOCKS 5.
#pragma once

#include "sluice/asio/prelude.hpp"
#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice {
inline namespace v0 {

// The protocols that proxy_connect() speaks.
enum class proxy_protocol : std::uint8_t {
  http_connect,  // RFC 9110 §9.3.6, with Basic authentication (RFC 7617)
  socks5,        // RFC 1928, with authentication by user and password (RFC 1929)
};

// The settings of proxy_connect(). They can be moved and not copied, because the password is a secret.
struct proxy_options {
  proxy_protocol protocol = proxy_protocol::http_connect;  // of the proxy
  // The server, not the proxy: a host name, which the proxy resolves, or an IP address, with or without brackets.
  std::string host = {};
  std::uint16_t port = 443;  // the server's
  // Empty: no authentication. SOCKS 5 limits the user and the password to 1 to 255 bytes each; Basic authentication
  // allows no colon in the user.
  std::string user = {};
  secret password = {};                        // the user's
  std::shared_ptr<sluice::prelude> then = {};  // runs next, inside the tunnel: starttls(), or the next proxy
  // The remedy of the failure if the proxy requires a user and there is none: name the setting of your program here.
  std::string authentication_remedy = "set a user and a password for the proxy";
};

// Returns a prelude that asks a proxy for a tunnel to a server. async_connect connects to the proxy and verifies the
// server, whose name and port it needs besides:
//
//   const auto tunnel = proxy_connect({.host = "example.org"}).value();
//   auto s = co_await async_connect(tls, "proxy.example", "3128",
//                                   {.server_name = "example.org", .prelude = tunnel.get(), .session_port = 443});
//
// Without server_name, the server's certificate would be verified for the name of the proxy.
//
// Security. The connection to the proxy is not encrypted: the proxy, and everybody on the way to it, can read the
// user and the password. The prelude keeps the password in a `secret`, wipes the copies that it makes, and puts it in
// no failure. It reads no byte beyond the proxy's agreement. If bytes follow the agreement, it fails with
// errc::protocol_error, since in TLS the client sends first (CVE-2011-0411); with `then`, these bytes are the
// server's, and `then` reads them.
//
// Errors. speak() returns every error as a failure and throws none. If the proxy rejects the request, the failure is
// errc::connection_refused, or errc::unreachable if SOCKS 5 reports that; if it does not speak the protocol,
// errc::handshake_failed with origin::peer. The detail quotes the proxy's answer, with unprintable bytes replaced.
// Lines have at most 8 KiB, answers at most 200 header fields. An error of the socket has that error's code,
// asio::error::eof if the proxy closed the connection. In a failure of the proxy `where` is empty, and async_connect
// sets it to the address of the proxy; in a failure of `then` it is "host:port" of the server.
//
// Ownership, threads, cancellation. As with starttls(): connections to the same server may share the object on any
// threads, as far as they may share `then`, which it keeps alive; async_connect does not keep the object alive.
// speak() has no time-out of its own: async_connect closes the socket at its deadline and when it is cancelled. If
// speak() is awaited directly, it supports terminal cancellation, after which the socket can only be closed.
//
// Returns errc::bad_name if options.host is not a host name or an IP address without a zone, and errc::invalid_argument
// if it is empty, for port 0, for a user or a password that the protocol cannot send, and for a password without a
// user.
result<std::shared_ptr<prelude>> proxy_connect(proxy_options options);

}  // namespace v0
}  // namespace sluice
