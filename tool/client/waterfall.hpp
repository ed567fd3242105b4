// SPDX-License-Identifier: Apache-2.0
// Where the time of one connection went, as bars one after the other.
#pragma once

#include "client/report.hpp"
#include "terminal/screen.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace sluice::tool {

// A stretch of time, since everything began.
struct timed_phase {
  std::string name;
  std::chrono::nanoseconds began{}, length{};
  bool is_bad = false;  // it ended badly, or came to nothing
};

// resolve, each address tried, ServerHello, certificates, signature wait, our signature, finished: those that happened.
// The phases of TLS follow each other; the last one before a failure lasts until it.
std::vector<timed_phase> phases_of(const connection_report& report);

void print_waterfall(const connection_report& report, const screen& to);

}  // namespace sluice::tool
