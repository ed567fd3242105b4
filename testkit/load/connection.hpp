// SPDX-License-Identifier: Apache-2.0
// One of many connections to a server whose address is known. async_connect would cost more: it resolves and races.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace sluice::testkit {

struct connection_settings {
  boost::asio::ip::tcp::endpoint server;
  std::string server_name = "localhost";
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);  // for TCP, and again for TLS
};

struct opened_connection {
  std::optional<tcp_stream> stream;  // its handshake is done
  std::optional<failure> error;      // else
};

// `settings` outlives it.
boost::asio::awaitable<opened_connection> open_connection(const connection_settings& settings, context tls);

// exchange_close_notify(), after which the socket is closed without TIME-WAIT (RFC 9293 §3.6.1), since a load generator
// would soon have no port left; nothing can be lost any more. The result is the server's alert, if it sent one.
boost::asio::awaitable<std::optional<failure>> close_connection(tcp_stream& s, std::chrono::nanoseconds timeout);

// The failure of this stream's reading or writing. An end of the stream is errc::connection_closed: it was unexpected.
failure failure_of(const tcp_stream& s, error_code ec);

}  // namespace sluice::testkit
