// SPDX-License-Identifier: Apache-2.0
// Reaching a server through a proxy: HTTP's CONNECT, or SOCKS 5.
#pragma once

#include "terminal/values.hpp"
#include "asio/prelude/dialogue.hpp"

#include "sluice/secret.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace sluice::tool {

// What --proxy says. The password is not in it: what is on a command line, every user of the machine can read.
struct proxy_place {
  enum class kind { http, socks5 };
  kind speaks = kind::http;
  target at;
  std::string user;
  std::shared_ptr<const secret> password;  // null without a user

  std::string text() const { return "proxy " + at.text(); }
};

// "http://[USER@]HOST:PORT" or "socks5://[USER@]HOST:PORT"; the password of USER is the first line of a file, else
// SLUICE_PROXY_PASSWORD. Gives up where the text is something else, or the password cannot be had.
proxy_place parse_proxy(std::string_view text, const std::string& password_file);

// From the proxy's greeting to the tunnel; the name is resolved at the proxy. Throws what the proxy says against it:
// errc::connection_refused or errc::unreachable.
boost::asio::awaitable<void> open_http_tunnel(dialogue& with, const proxy_place& proxy, const target& to);
boost::asio::awaitable<void> open_socks5_tunnel(dialogue& with, const proxy_place& proxy, const target& to);

}  // namespace sluice::tool
