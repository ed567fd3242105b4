// SPDX-License-Identifier: Apache-2.0
// What `serve` does for one client once the handshake is done.
#pragma once

#include "server/misbehaviour.hpp"

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tool {

enum class serve_mode { echo, http, discard, source };
std::optional<serve_mode> serve_mode_from(std::string_view text);

// One client. Everything about it happens on the server's one thread.
struct served_client {
  explicit served_client(tcp_stream stream, const misbehaviour* how_to_fail = nullptr)
      : s(std::move(stream)), fail(how_to_fail) {}
  tcp_stream s;
  boost::json::object facts;       // what http mode answers with
  const misbehaviour* const fail;  // null: serve it well
  std::uint64_t bytes_sent = 0;
  bool is_failed = false;  // on purpose: nothing more may be sent
  std::chrono::steady_clock::time_point last_active = std::chrono::steady_clock::now();
  boost::asio::cancellation_signal stop;  // total: end where nothing is lost; terminal: end
  bool is_asked_to_stop = false;

  // When a wait for something that the client must send has lasted too long, and whether that was so.
  std::optional<std::chrono::steady_clock::time_point> wait_ends;
  bool is_late = false;

  void touch() { last_active = std::chrono::steady_clock::now(); }
};

// Serves until the client sends close_notify, the connection fails, or it is stopped; sends our close_notify where that
// is possible.
// `client` outlives it.
// `timeout` is for a request of HTTP: until it begins, and until it is whole.
boost::asio::awaitable<void> serve_client(served_client& client, serve_mode mode, std::chrono::milliseconds timeout);

}  // namespace sluice::tool
