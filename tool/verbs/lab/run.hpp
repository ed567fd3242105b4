// SPDX-License-Identifier: Apache-2.0
// Runs cases side by side and compares what a client reports with what it must report.
#pragma once

#include "testkit/peers/case.hpp"
#include "testkit/peers/connection.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace sluice::tool {
class interrupt_watch;
}

namespace sluice::tool::lab {

using namespace testkit::peers;

struct run_settings {
  std::string policy;  // of our client
  std::string client;  // another's client; empty: ours
  std::chrono::milliseconds limit{10'000};
  std::chrono::milliseconds timeout{2'000};  // the limit where a case is about running into it
};

struct verdict {
  enum class state { held, failed, unavailable } is = state::failed;
  std::string got;      // as expect; "rejected" for another's client, "unavailable"
  std::string origin;   // "local" or "peer"; empty when accepted or not known
  std::string message;  // cause and remedy
};

// `report` is called in the order of the cases, on this thread. Throws errc::cancelled for Ctrl-C.
void run_cases(const std::vector<lab_case>& chosen, const run_settings& settings, const interrupt_watch& watch,
               const std::function<void(const lab_case&, const verdict&)>& report);

}  // namespace sluice::tool::lab
