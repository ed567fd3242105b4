// SPDX-License-Identifier: Apache-2.0
// The protocols of proxy_connect(): each function completes when the tunnel is open, and throws otherwise.
#pragma once

#include "asio/prelude/dialogue.hpp"
#include "sluice/result.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>

namespace sluice {
inline namespace v0 {
namespace detail {

// What the proxy is asked for; it does not change while a dialogue refers to it.
struct proxy_request {
  std::string host;  // an IPv6 address without brackets
  std::uint16_t port = 0;
  std::string user;  // empty: no authentication
  secret password;   // for HTTP in the form that is sent: see basic_credentials()
  std::string authentication_remedy;

  std::string place() const;  // "example.org:443", "[::1]:443"
};

// "user:password" in base64, RFC 7617 §2.
secret basic_credentials(const std::string& user, const secret& password);

// Both throw errc::connection_refused or errc::unreachable if the proxy rejects the request.
net::awaitable<void> open_http_tunnel(dialogue& with, const proxy_request& request);
net::awaitable<void> open_socks5_tunnel(dialogue& with, const proxy_request& request);

}  // namespace detail
}  // namespace v0
}  // namespace sluice
