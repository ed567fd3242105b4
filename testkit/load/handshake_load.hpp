// SPDX-License-Identifier: Apache-2.0
// Clients that shake hands again and again: without rest, or at a given rate all together.
#pragma once

#include "testkit/load/connection.hpp"
#include "testkit/load/load_share.hpp"

#include "sluice/context.hpp"
#include "sluice/error.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::testkit {

struct load_settings {
  boost::asio::ip::tcp::endpoint server;
  std::string server_name = "localhost";
  std::size_t clients = 64;
  std::optional<double> rate;  // handshakes a second, all clients together; nothing: each begins as the last one ends
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);  // for one
  // Each connection ends with close_notify both ways, before which tickets and a refusal of our certificate come.
  bool sends_close_notify = false;
  bool collects_tickets = false;  // prepare() shakes hands once a client; the context's store gets the tickets
  // What has to be so for a handshake to count as good.
  bool needs_resumption = false, needs_client_certificate = false;
};

struct load_result {
  std::vector<std::chrono::steady_clock::time_point> done;  // when each handshake was finished
  std::size_t failed = 0;
  std::optional<failure> first_failure;

  double per_second(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) const;
};

// Runs on `io`'s thread until stop(), or until no turn is left before the window's end; the result is read after the
// loop has been stopped, or on it. counts() has each from when it was due, TCP included, close_notify not.
class handshake_load final : public load_share {
 public:
  handshake_load(boost::asio::io_context& io, context tls, load_settings settings);
  void prepare() override;
  void begin(const load_window& when) override;
  std::optional<std::uint64_t> due_in_window() const override;
  void start();  // begin(), where all of the time counts
  const load_result& result() const noexcept { return result_; }

 private:
  using time_point = std::chrono::steady_clock::time_point;

  boost::asio::awaitable<void> one_client();
  boost::asio::awaitable<void> collect();
  boost::asio::awaitable<void> shake_hands(time_point due);
  time_point next_turn();
  time_point turn(std::uint64_t number) const;
  void note_success(time_point due, time_point done, const connection_info& info);
  void note_failure(time_point due, const failure& error, const std::string& cause);

  const context tls_;
  const load_settings settings_;
  const connection_settings connection_;
  std::uint64_t turns_ = 0;
  load_result result_;
};

}  // namespace sluice::testkit
