// SPDX-License-Identifier: Apache-2.0
// The report of `bench`: one object for machines, a verdict, figures and a plot for people.
#pragma once

#include "verbs/bench/run.hpp"
#include "testkit/load/tally.hpp"
#include "client/json.hpp"
#include "terminal/screen.hpp"

#include "sluice/connection.hpp"

#include <optional>
#include <string>

namespace sluice::tool {

struct bench_report {
  std::string workload;  // "handshake", "throughput", "latency" or "idle"
  std::string place;     // the server, as it was typed
  std::string load;      // in words: "64 connections, 1 thread, 1000 a second"
  std::optional<double> rate;
  std::size_t connections = 0;
  std::chrono::nanoseconds warm_up{};
  std::optional<connection_info> info;  // of the first connection; nothing when there was none
  std::string address;                  // that answered it
  testkit::tally counts;
  run_result run;
  // Of idle connections: what they cost this process, each, and how many were there at the end.
  std::size_t memory_each = 0, held = 0;

  bool is_idle() const { return workload == "idle"; }
  std::uint64_t ok() const { return is_idle() ? held : counts.ok(); }
  double seconds() const;  // that the rates are of
  double per_second() const;
  double megabytes_per_second() const;
};

json::object describe(const bench_report& r);  // `bench --json`
void print(const screen& to, const bench_report& r);
// 0 when anything succeeded; else that of the first failure, or of a time-out. 130 when it was interrupted.
int exit_code_of(const bench_report& r);

}  // namespace sluice::tool
