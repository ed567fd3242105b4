// SPDX-License-Identifier: Apache-2.0
// STARTTLS: protocols that begin in plaintext and switch to TLS on request.
#pragma once

#include "sluice/asio/prelude.hpp"
#include "sluice/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice {
inline namespace v0 {

// The protocols that starttls() speaks.
enum class starttls_protocol : std::uint8_t {
  smtp,      // RFC 3207; ports 25 and 587
  imap,      // RFC 9051 §6.2.1, RFC 2595; port 143
  ldap,      // the StartTLS operation of RFC 4511 §4.14 and RFC 4513 §3; port 389
  postgres,  // PostgreSQL's SSLRequest; port 5432
};

// The settings of starttls().
struct starttls_options {
  // The host name that SMTP's EHLO sends (RFC 5321 §4.1.1.1). If it is empty, EHLO sends the local IP address of the
  // socket. Other protocols do not send it.
  std::string client_name = {};
};

// Returns a prelude that asks the server to start TLS and completes when the server has agreed:
//
//   const auto mail = starttls(starttls_protocol::smtp).value();
//   auto s = co_await async_connect(tls, "mail.example.org", "587", {.prelude = mail.get()});
//
// Through a proxy, pass it as proxy_options::then (proxy_connect.hpp). A program that has connected a socket by itself
// may await speak() directly, and then make a stream over the socket.
//
// Security. Nothing that the server sends before TLS is authenticated. The prelude reads no byte beyond the server's
// agreement, and if plaintext follows the agreement, it fails with errc::protocol_error: an attacker may have added it,
// and it must not be taken for what the server says over TLS (CVE-2011-0411, CVE-2021-23222). It never continues
// without TLS. After the handshake, a client must ask again for everything that the server announced before, such as
// SMTP's extensions and IMAP's capabilities.
//
// Errors. speak() returns every error as a failure and throws none. If the server does not offer TLS, rejects the
// request, or does not speak the protocol, the failure is errc::handshake_failed with origin::peer; its detail quotes
// the server's answer, with unprintable bytes replaced. Lines have at most 8 KiB, answers at most 200 lines, LDAP
// messages at most 64 KiB. An error of the socket has that error's code, asio::error::eof if the server closed the
// connection. `where` is empty; async_connect sets it.
//
// Ownership, threads, cancellation. Connections may share the object, one after the other or at the same time on any
// threads, because it does not change; async_connect does not keep it alive (connect_options::prelude). speak() has no
// time-out of its own: async_connect closes the socket at its deadline and when it is cancelled. If speak() is awaited
// directly, it supports terminal cancellation, after which the socket can only be closed.
//
// Returns errc::bad_name if options.client_name is not a host name, and errc::invalid_argument if `protocol` has no
// name above.
result<std::shared_ptr<prelude>> starttls(starttls_protocol protocol, starttls_options options = {});

}  // namespace v0
}  // namespace sluice
