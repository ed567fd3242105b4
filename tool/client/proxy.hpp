// SPDX-License-Identifier: Apache-2.0
// The proxy of --proxy, as the library takes it.
#pragma once

#include "terminal/values.hpp"

#include "sluice/asio/proxy_connect.hpp"
#include "sluice/secret.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::tool {

// The value of --proxy. It has no password, since every user of the machine can read a command line.
struct proxy_place {
  proxy_protocol protocol = proxy_protocol::http_connect;
  target at;
  std::string user = {};
  std::shared_ptr<const secret> password = {};  // null without a user

  std::string text() const { return "proxy " + at.text(); }
};

// "http://[USER@]HOST:PORT" or "socks5://[USER@]HOST:PORT"; the password of USER is the first line of a file, else
// SLUICE_PROXY_PASSWORD. Throws sluice::error if the text is something else, or there is no password.
proxy_place parse_proxy(std::string_view text, const std::string& password_file);

std::uint16_t port_number(const std::string& port);  // 0 for a service's name

// The way through the proxy to a server, and what runs inside the tunnel. Throws sluice::error if the proxy's protocol
// cannot send user and password, which are --proxy's fault.
result<std::shared_ptr<prelude>> through_proxy(const proxy_place& proxy, const target& to,
                                               std::shared_ptr<prelude> then);

}  // namespace sluice::tool
