// SPDX-License-Identifier: Apache-2.0
#include "testkit/load/latencies.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sluice::testkit {
namespace {

// Times below 2048 ns have a place each; above, every doubling is divided into 1024 places.
constexpr std::size_t parts = 1024;

std::size_t place_of(std::int64_t time) {
  const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(0, time));
  if (value < 2 * parts) return value;
  const auto shift = static_cast<std::size_t>(std::bit_width(value)) - std::bit_width(2 * parts - 1);
  return parts * shift + (value >> shift);
}

// The longest time that has this place.
std::int64_t time_of(std::size_t place) {
  if (place < 2 * parts) return static_cast<std::int64_t>(place);
  const auto shift = place / parts - 1;
  return static_cast<std::int64_t>(((place - parts * shift + 1) << shift) - 1);
}

}  // namespace

void latencies::add(std::chrono::nanoseconds one) {
  const auto place = place_of(one.count());
  if (place >= counts_.size()) counts_.resize(place + 1);
  ++counts_[place];
  ++size_;
  longest_ = std::max<std::int64_t>(longest_, one.count());
}

void latencies::add(const latencies& others) {
  counts_.resize(std::max(counts_.size(), others.counts_.size()));
  for (std::size_t i = 0; i < others.counts_.size(); ++i) counts_[i] += others.counts_[i];
  size_ += others.size_;
  longest_ = std::max(longest_, others.longest_);
}

std::chrono::nanoseconds latencies::percentile(double percent) const {
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(size_)));
  std::size_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= std::max<std::size_t>(rank, 1)) return std::chrono::nanoseconds(std::min(time_of(i), longest_));
  }
  return {};
}

std::size_t latencies::count_up_to(std::chrono::nanoseconds most) const {
  if (most.count() < 0) return 0;
  const auto end = std::min(counts_.size(), place_of(most.count()) + 1);
  std::size_t count = 0;
  for (std::size_t i = 0; i < end; ++i) count += counts_[i];
  return count;
}

}  // namespace sluice::testkit
