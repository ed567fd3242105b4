// SPDX-License-Identifier: Apache-2.0
// What came of many operations: how many, how long they took, what went wrong.
#pragma once

#include "testkit/load/latencies.hpp"

#include "sluice/error.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sluice::testkit {

// When the clock started, and which part of the time counts.
struct load_window {
  using time_point = std::chrono::steady_clock::time_point;
  time_point began{};
  time_point from = time_point::min();
  time_point to = time_point::max();

  bool has(time_point t) const noexcept { return t >= from && t < to; }
};

// How many of the turns 0, 1, 2, … are in the window; they come in the order of time.
template <class Turn>
std::uint64_t count_due(const load_window& when, Turn turn) {
  const auto first_at = [&turn](load_window::time_point t) {
    // Doubled until it is there: turns far beyond it may be beyond the clock's end.
    std::uint64_t low = 0, high = 1;
    while (turn(high) < t) high *= 2;
    while (low < high) {
      const auto middle = low + (high - low) / 2;
      (turn(middle) < t) ? low = middle + 1 : high = middle;
    }
    return low;
  };
  return first_at(when.to) - first_at(when.from);
}

// One thread writes; the live numbers may be read by any, the others once that thread is done.
class tally {
 public:
  using time_point = load_window::time_point;

  // Open loop: what was due while it counts does, whenever it is done. Closed: what is done while it counts.
  void set_window(const load_window& when, bool is_open_loop) noexcept {
    window_ = when;
    is_open_loop_ = is_open_loop;
  }
  const load_window& window() const noexcept { return window_; }

  void succeeded(time_point due, time_point done, std::uint64_t bytes = 0);
  void failed(time_point due, const failure& error) { failed(due, error, code_name(error.code)); }
  void failed(time_point due, const failure& error, const std::string& cause);
  // What went wrong between operations: a connection that broke or could not be made again.
  void broke(const failure& error, const std::string& cause);
  void broke(const failure& error) { broke(error, code_name(error.code)); }
  // Was due, and its outcome is not known.
  void missed(std::uint64_t count, const failure& error);

  void add(const tally& other);  // whose thread is done

  std::uint64_t ok() const noexcept { return times_.size(); }
  std::uint64_t errors() const noexcept;
  std::uint64_t settled() const noexcept { return times_.size() + failed_; }  // operations, well or badly
  const latencies& times() const noexcept { return times_; }
  const std::map<std::string, std::uint64_t>& by_cause() const noexcept { return by_cause_; }
  const std::optional<failure>& first_failure() const noexcept { return first_failure_; }
  // What was done in the window, whenever it was due: the rate at which things went.
  std::uint64_t done_in_window() const noexcept { return done_in_window_; }
  std::uint64_t bytes_in_window() const noexcept { return bytes_in_window_; }

  std::uint64_t ok_so_far() const noexcept { return live_ok_.load(std::memory_order_relaxed); }
  std::uint64_t failed_so_far() const noexcept { return live_failed_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_so_far() const noexcept { return live_bytes_.load(std::memory_order_relaxed); }

 private:
  bool note(const failure& error, const std::string& cause);

  load_window window_;
  bool is_open_loop_ = false;
  latencies times_;
  std::map<std::string, std::uint64_t> by_cause_;
  std::optional<failure> first_failure_;
  std::uint64_t failed_ = 0;
  std::uint64_t done_in_window_ = 0, bytes_in_window_ = 0;
  std::atomic<std::uint64_t> live_ok_{0}, live_failed_{0}, live_bytes_{0};
};

}  // namespace sluice::testkit
