// SPDX-License-Identifier: Apache-2.0
// Many measured times, and their percentiles.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::testkit {

// Keeps counts, not times: its size depends on the longest time and not on how many there are (less than half a MiB
// for any). A reported time is at most 0.1 % too long.
class latencies {
 public:
  void add(std::chrono::nanoseconds one);
  void add(const latencies& others);
  std::size_t size() const noexcept { return size_; }
  // Nearest rank: the smallest time that at least `percent` of all do not exceed; zero when there are none.
  std::chrono::nanoseconds percentile(double percent) const;
  std::chrono::nanoseconds longest() const noexcept { return std::chrono::nanoseconds(longest_); }
  std::size_t count_up_to(std::chrono::nanoseconds most) const;  // how many did not take longer

 private:
  std::vector<std::size_t> counts_;  // by place
  std::size_t size_ = 0;
  std::int64_t longest_ = 0;
};

}  // namespace sluice::testkit
