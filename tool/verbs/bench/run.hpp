// SPDX-License-Identifier: Apache-2.0
// A workload on several threads, from its preparations to the sum of what came of it.
#pragma once

#include "terminal/interrupt.hpp"
#include "testkit/load/load_share.hpp"
#include "testkit/load/loop_thread.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace sluice::tool {

// A thread, and its share of the workload.
struct seat {
  testkit::loop_thread loop;
  std::unique_ptr<testkit::load_share> work;
};
using seats = std::vector<std::unique_ptr<seat>>;

enum class run_stage { preparing, warming_up, measuring, finishing };

struct run_settings {
  std::chrono::nanoseconds warm_up{}, duration{};
  std::chrono::nanoseconds timeout{};                       // with what is on its way at the end
  bool ends_by_stopping = false;                            // else by itself, when the window is over
  std::function<bool()> on_prepared = [] { return true; };  // false: there is nothing to begin with
  // Some times a second.
  std::function<void(run_stage, std::chrono::nanoseconds since_stage_began)> on_progress;
};

struct run_result {
  std::chrono::nanoseconds prepared_in{}, measured{};  // of the window, as much as went by
  bool has_begun = false;                              // all was prepared
  bool is_interrupted = false;
};

// Ends with all threads stopped and `sum` filled. What was due and is not known to have succeeded or failed is in it as
// timed_out, unless it was interrupted: then it is not known whether it would have.
run_result run_loads(const seats& all, const run_settings& settings, const interrupt_watch& watch, testkit::tally& sum);

}  // namespace sluice::tool
