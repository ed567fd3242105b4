// SPDX-License-Identifier: Apache-2.0
// Where a context reads the time: certificate validity, ticket lifetimes, blinding delays.
#pragma once

#include <chrono>

namespace sluice::inline v0 {

// Derive to test what time does (an expired certificate, a blinding delay) without waiting. Called on any thread.
class clock {
 public:
  virtual ~clock() = default;
  virtual std::chrono::system_clock::time_point now() const noexcept { return std::chrono::system_clock::now(); }
  virtual std::chrono::steady_clock::time_point steady() const noexcept { return std::chrono::steady_clock::now(); }
};

}  // namespace sluice::inline v0
