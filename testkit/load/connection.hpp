// SPDX-License-Identifier: Apache-2.0
// One more connection to a server whose address is known, under load.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace sluice::testkit {

struct dial_settings {
  boost::asio::ip::tcp::endpoint server;
  std::string server_name = "localhost";
  std::chrono::nanoseconds limit = std::chrono::seconds(10);  // for TCP, and again for TLS
};

struct dial_outcome {
  std::optional<tcp_stream> stream;  // its handshake is done
  std::optional<failure> why;        // else
};

// `settings` outlives it.
boost::asio::awaitable<dial_outcome> dial_again(const dial_settings& settings, context tls);

// exchange_close_notify(), after which the socket is closed in a way that leaves no port waiting (RFC 9293 §3.6.1), since a load
// generator would soon have none left; nothing can be lost any more.
boost::asio::awaitable<std::optional<failure>> hang_up(tcp_stream& s, std::chrono::nanoseconds limit);

// What this stream's reading or writing failed with. The end of the stream is errc::connection_closed: nobody asked for it.
failure story_of(const tcp_stream& s, error_code ec);

}  // namespace sluice::testkit
