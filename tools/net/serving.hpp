// SPDX-License-Identifier: Apache-2.0
// What `serve` does for one client once the handshake is done.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tool {

enum class serve_mode { echo, http, discard, source };
std::optional<serve_mode> serve_mode_from(std::string_view text);

// One client. Everything about it happens on the server's one thread.
struct served_client {
  explicit served_client(tcp_stream stream) : s(std::move(stream)) {}
  tcp_stream s;
  std::string page;  // what http mode answers with
  std::chrono::steady_clock::time_point last_active = std::chrono::steady_clock::now();
  boost::asio::cancellation_signal stop;  // total: end where nothing is lost; terminal: end
  bool is_asked_to_stop = false;

  void touch() { last_active = std::chrono::steady_clock::now(); }
};

// Until the client says goodbye, breaks, or is stopped; ends with our own goodbye where one is possible.
// `client` outlives it.
boost::asio::awaitable<void> serve_client(served_client& client, serve_mode mode);

}  // namespace sluice::tool
