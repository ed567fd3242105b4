// SPDX-License-Identifier: Apache-2.0
// From the options of `bench` to what is to be done, checked before the first connection.
#pragma once

#include "arguments/options.hpp"
#include "client/plan.hpp"
#include "terminal/values.hpp"
#include "testkit/load/bulk_load.hpp"
#include "testkit/load/connection.hpp"
#include "verbs/bench/run.hpp"
#include "testkit/load/ticket_jar.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tool {

enum class workload { handshake, throughput, latency, idle };

struct bench_options {
  workload kind = workload::handshake;
  std::string address, server_name;
  tls_options tls;
  bool is_insecure = false;
  std::string duration = "5s", warm_up = "1s", connections, threads, rate;
  bool resumes = false, shows_certificate = false;
  std::string direction = "down", size = "32";
  std::string openers = "64";
};

std::string_view name_of(workload kind);  // "handshake"

struct bench_plan {
  workload kind{};
  target to;
  std::optional<client_plan> first;         // the connection that finds the address and shows whether to go on
  testkit::connection_settings connection;  // the others
  std::optional<context> tls;
  std::shared_ptr<testkit::ticket_jar> jar;  // with --resume
  run_settings run;
  std::size_t connections = 0, threads = 0, size = 0, openers = 0;
  std::optional<double> rate;
  testkit::bulk_direction direction{};
  bool needs_client_certificate = false;
};

// Throws for what is wrong with them, and opens what they name.
bench_plan make_plan(const bench_options& options);

// The share of one thread, the `place`th of all.
std::unique_ptr<testkit::load_share> make_load(const bench_plan& p, boost::asio::io_context& io, std::size_t place);

// "64 connections on 2 threads, each as the last is done"
std::string load_words(const bench_plan& p);

}  // namespace sluice::tool
