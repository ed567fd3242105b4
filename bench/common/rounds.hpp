// SPDX-License-Identifier: Apache-2.0
// A client program's rounds, which the script starts one by one.
#pragma once

#include "common/settings.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

namespace bench {

struct round_result {
  std::uint64_t count = 0;    // operations; of a transfer, bytes
  std::uint64_t resumed = 0;  // of handshakes
  std::vector<std::chrono::nanoseconds> times;
};

// Reports that the program is ready, runs a round for each line on stdin, and reports each: its count, seconds,
// seconds of CPU, and p50 and p99 of its operations in microseconds.
void run_rounds(const std::function<round_result()>& round);

}  // namespace bench
