// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <thread>

namespace sluice::test {

// Waits for what other threads do and signal to nobody: looks again whenever this thread's turn comes. False when it
// has not come true in `limit`.
template <class Claim>
bool until(Claim claim, std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!claim()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace sluice::test
