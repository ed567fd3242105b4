// SPDX-License-Identifier: Apache-2.0
// A program run to its end: fed on stdin, listened to on stdout and stderr.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tool {

struct child_result {
  int status = -1;        // its exit status; 128 + the signal's number when one ended it
  std::string output;     // stdout
  std::string complaint;  // stderr
};

// Writes `input`. Once `expected` bytes of output have come the program is asked to end (SIGTERM), and whatever it
// still writes is read; at the limit it is killed. `poll` is called every few milliseconds and may throw; nothing is
// left running.
child_result run_child(const std::vector<std::string>& command, std::string_view input, std::size_t expected,
                       std::chrono::milliseconds limit, const std::function<void()>& poll);

}  // namespace sluice::tool
