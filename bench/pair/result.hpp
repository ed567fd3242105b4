// SPDX-License-Identifier: Apache-2.0
// What one round of a workload measured, and how it is told to bench/run.
#pragma once

#include <cstddef>
#include <string>

namespace bench {

// How two ends agreed to speak.
struct negotiated {
  std::string version, cipher, group;
  bool is_resumed = false;
};

struct round_result {
  std::size_t count = 0;                            // handshakes, echoes or MiB
  std::size_t resumed = 0;                          // of the handshakes
  double server_cpu = 0, client_cpu = 0, wall = 0;  // seconds
  double p50_us = 0, p99_us = 0;                    // of echoes
  negotiated agreed;
};

std::string to_json(const round_result& r);
// Of this process; trimmed: after malloc has given back to the system what it holds in reserve.
std::size_t resident_bytes(bool is_trimmed);

}  // namespace bench
