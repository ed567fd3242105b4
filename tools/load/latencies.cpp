// SPDX-License-Identifier: Apache-2.0
#include "load/latencies.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::tool {

std::chrono::nanoseconds latencies::percentile(double percent) const {
  if (all_.empty()) return {};
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(all_.size())));
  auto sorted = all_;
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, sorted.size()) - 1);
  std::ranges::nth_element(sorted, place);
  return *place;
}

}  // namespace sluice::tool
