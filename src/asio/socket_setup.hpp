// SPDX-License-Identifier: Apache-2.0
// Options of sockets, set on descriptors, with words for what the system refuses.
#pragma once

#include "sluice/asio/net.hpp"
#include "sluice/asio/socket_options.hpp"
#include "sluice/result.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <optional>
#include <string>

namespace sluice {
inline namespace v0 {
namespace detail {

// Each fails with errc::invalid_argument.
result<void> set_tcp_options(int socket, const tcp_options& options);
result<void> bind_to_interface(int socket, const std::string& name);

// What a client's sockets are given before they connect.
struct socket_setup {
  tcp_options options = {};
  std::string interface;  // SO_BINDTODEVICE; empty: any
  std::optional<net::ip::address> local = {};

  // Opens the socket for an endpoint like `to`, and prepares it.
  result<void> prepare(net::ip::tcp::socket& socket, const net::ip::tcp::endpoint& to) const;
  bool can_reach(const net::ip::tcp::endpoint& to) const noexcept {
    return !local || local->is_v4() == to.address().is_v4();
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
