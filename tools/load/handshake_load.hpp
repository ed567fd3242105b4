// SPDX-License-Identifier: Apache-2.0
// Clients that shake hands again and again: without rest, or at a given rate all together.
#pragma once

#include "sluice/context.hpp"
#include "sluice/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

struct load_settings {
  boost::asio::ip::tcp::endpoint server;
  std::string server_name = "localhost";
  std::size_t clients = 64;
  std::optional<double> rate;  // handshakes a second, all clients together; nothing: each begins as the last one ends
};

struct load_result {
  std::vector<std::chrono::steady_clock::time_point> done;  // when each handshake was finished
  std::size_t failed = 0;
  std::optional<failure> first_failure;

  double per_second(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) const;
};

// Runs on `io`'s thread from start() until stop(); the result is read after the loop has been stopped, or on it.
class handshake_load {
 public:
  handshake_load(boost::asio::io_context& io, context tls, load_settings settings);
  void start();
  void stop() noexcept { is_stopped_ = true; }  // on the loop's thread
  const load_result& result() const noexcept { return result_; }
  bool is_running() const noexcept { return running_ > 0; }

 private:
  boost::asio::awaitable<void> one_client();
  boost::asio::awaitable<void> wait_for_turn();
  boost::asio::awaitable<void> shake_hands();

  boost::asio::io_context& io_;
  const context tls_;
  const load_settings settings_;
  std::chrono::steady_clock::time_point began_;
  std::size_t turns_ = 0;
  std::size_t running_ = 0;
  bool is_stopped_ = false;
  load_result result_;
};

}  // namespace sluice::tool
