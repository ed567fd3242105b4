// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sluice/clock.hpp"

#include <atomic>
#include <chrono>

namespace sluice::test {

// The time of day, moved by what a test says.
struct movable_clock final : clock {
  std::atomic<std::chrono::seconds> by{std::chrono::seconds(0)};
  std::chrono::system_clock::time_point now() const noexcept override { return clock::now() + by.load(); }
};

}  // namespace sluice::test
