// SPDX-License-Identifier: Apache-2.0
// Many measured times, and what is said of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace sluice::tool {

class latencies {
 public:
  void add(std::chrono::nanoseconds one) { all_.push_back(one); }
  std::size_t size() const noexcept { return all_.size(); }
  // Nearest rank: the smallest time that at least `percent` of all do not exceed; zero when there are none.
  std::chrono::nanoseconds percentile(double percent) const;

 private:
  std::vector<std::chrono::nanoseconds> all_;
};

}  // namespace sluice::tool
