// SPDX-License-Identifier: Apache-2.0
// One connection by async_connect, in a coroutine, with everything that is known about it.
#pragma once

#include "sluice/asio/connect.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace sluice::testkit {

struct connected {
  std::optional<tcp_stream> stream;  // with its handshake done
  std::optional<failure> error;      // otherwise
  connect_report report;             // in either case
  std::chrono::nanoseconds took{};
};

// Does not throw. `failure` and `report` of the options are replaced; what the options refer to outlives it.
boost::asio::awaitable<connected> connect_once(context tls, std::string host, std::string port,
                                               connect_options options);
boost::asio::awaitable<connected> connect_once(context tls, boost::asio::ip::tcp::endpoint server,
                                               connect_options options);

}  // namespace sluice::testkit
