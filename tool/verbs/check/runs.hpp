// SPDX-License-Identifier: Apache-2.0
// `check --count N --parallel M`: many handshakes, and how long they took.
#pragma once

#include "testkit/load/latencies.hpp"
#include "client/json.hpp"
#include "client/plan.hpp"
#include "terminal/screen.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <vector>

namespace sluice::tool {

struct run_limits {
  std::size_t count = 1;
  std::size_t parallel = 1;
};

struct many_runs {
  std::vector<connection_report> all;  // in the order they ended
  std::chrono::nanoseconds lasted{};

  std::size_t failed() const;
  const connection_report& representative() const;  // the first that failed, else the first
};

// Each a connection of its own. Does not throw; the plan outlives it.
boost::asio::awaitable<many_runs> run_many(const client_plan& plan, run_limits limits);

json::array describe(const many_runs& runs);  // "runs" of the contract
// How many went well, the percentiles of each phase, and how the handshakes spread.
void print_runs(const many_runs& runs, run_limits limits, const screen& to);

}  // namespace sluice::tool
