// SPDX-License-Identifier: Apache-2.0
// One thread's share of a workload.
#pragma once

#include "testkit/load/tally.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::testkit {

// prepare(), begin() and stop() on the thread of its loop, the claims on any. Destroyed when that thread has ended.
class load_share {
 public:
  explicit load_share(boost::asio::io_context& io) : io_(io), gate_(io, boost::asio::steady_timer::time_point::max()) {}
  load_share(const load_share&) = delete;
  load_share& operator=(const load_share&) = delete;
  virtual ~load_share() = default;

  // What comes before the clock starts: connecting, collecting tickets. Then is_preparing() ends.
  virtual void prepare() {}
  virtual void begin(const load_window& when) = 0;
  virtual void stop() { is_stopped_ = true; }  // begins nothing new

  // How many operations are due in the window, where a clock paces them.
  virtual std::optional<std::uint64_t> due_in_window() const { return std::nullopt; }

  bool is_preparing() const noexcept { return preparing_ > 0; }
  bool is_running() const noexcept { return running_ > 0; }
  std::size_t running() const noexcept { return running_; }
  const tally& counts() const noexcept { return counts_; }

 protected:
  // A server that refuses at once must not turn us into a busy loop.
  boost::asio::awaitable<void> rest() {
    boost::asio::steady_timer pause(io_, std::chrono::milliseconds(10));
    co_await pause.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  boost::asio::awaitable<void> wait_for_begin() {
    co_await gate_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }

  boost::asio::io_context& io_;
  boost::asio::steady_timer gate_;  // cancelled by whatever begins
  std::atomic<std::size_t> preparing_{0}, running_{0};
  bool is_stopped_ = false;
  tally counts_;
};

}  // namespace sluice::testkit
