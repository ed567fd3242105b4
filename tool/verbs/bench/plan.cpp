// SPDX-License-Identifier: Apache-2.0
#include "verbs/bench/plan.hpp"

#include "terminal/failure.hpp"
#include "testkit/load/echo_load.hpp"
#include "testkit/load/handshake_load.hpp"
#include "testkit/load/idle_load.hpp"
#include "verbs/bench/limits.hpp"

#include "sluice/dangerous.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

double parse_rate(const std::string& text) {
  double rate = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size() && rate >= 0.01 && rate <= 1e7) return rate;
  give_up(errc::invalid_argument, "--rate", "\"" + text + "\" is not a rate",
          "write operations a second, for example 500");
}

testkit::bulk_direction parse_direction(const std::string& text) {
  if (text == "up") return testkit::bulk_direction::up;
  if (text == "down") return testkit::bulk_direction::down;
  if (text == "both") return testkit::bulk_direction::both;
  give_up(errc::invalid_argument, "--direction", "\"" + text + "\" is not a direction", "write up, down or both");
}

std::size_t default_threads() { return std::clamp<std::size_t>(std::thread::hardware_concurrency() / 2, 1, 8); }

// The first threads take one more where it does not come out even.
std::size_t share(std::size_t all, std::size_t threads, std::size_t place) {
  return all / threads + (place < all % threads ? 1 : 0);
}

void parse_load(const bench_options& options, bench_plan& p) {
  constexpr std::array defaults = {"64", "1", "1", "1000"};
  const auto& count = options.connections.empty() ? defaults[static_cast<std::size_t>(p.kind)] : options.connections;
  p.connections = parse_count(count, "--connections");
  p.threads = options.threads.empty() ? default_threads() : parse_count(options.threads, "--threads");
  p.threads = std::min(p.threads, p.connections);
  p.openers = parse_count(options.openers, "--openers");
  p.size = parse_count(options.size, "--size");
  if (p.size < 8 || p.size > 1 << 20)
    give_up(errc::invalid_argument, "--size", options.size + " bytes", "write a number from 8 to 1048576");
  if (!options.rate.empty()) p.rate = parse_rate(options.rate);
  p.direction = parse_direction(options.direction);
  p.run.duration = parse_duration(options.duration, "--duration");
  if (p.run.duration.count() == 0) {
    give_up(errc::invalid_argument, "--duration", "nothing can be measured in no time", "");
  }
  p.run.warm_up = p.kind == workload::idle ? std::chrono::nanoseconds() : parse_duration(options.warm_up, "--warm-up");
  p.run.ends_by_stopping = p.kind == workload::idle;
}

}  // namespace

std::string_view name_of(workload kind) {
  switch (kind) {
    case workload::handshake: return "handshake";
    case workload::throughput: return "throughput";
    case workload::latency: return "latency";
    case workload::idle: return "idle";
  }
  return "";
}

bench_plan make_plan(const bench_options& options) {
  bench_plan p{.kind = options.kind,
               .to = parse_target(options.address),
               .first = {},
               .connection = {},
               .tls = {},
               .jar = {},
               .run = {}};
  parse_load(options, p);
  p.connection.timeout = options.tls.time_limit();
  p.run.timeout = p.connection.timeout + std::chrono::seconds(2);
  p.connection.server_name = options.server_name.empty() ? p.to.host : options.server_name;
  p.needs_client_certificate = options.shows_certificate;
  if (options.shows_certificate && options.tls.credentials.cert.empty())
    give_up(errc::invalid_argument, "--mtls", "there is no certificate to show", "add --cert FILE and --key FILE");
  allow_connections(p.connections);
  auto tls = options.tls.for_client();
  if (options.is_insecure) tls.verify = dangerous::accept_any_certificate();
  if (options.resumes) p.jar = std::make_shared<testkit::ticket_jar>(4 * p.connections);
  tls.sessions = p.jar;
  p.tls = context::client(tls).value();
  p.first = client_plan{.to = p.to,
                        .way = route(p.to),
                        .tls = *p.tls,
                        .server_name = p.connection.server_name,
                        .timeout = options.tls.time_limit(),
                        .is_verified = !options.is_insecure,
                        .close_timeout = std::chrono::milliseconds(500)};
  return p;
}

std::unique_ptr<testkit::load_share> make_load(const bench_plan& p, asio::io_context& io, std::size_t place) {
  const auto mine = share(p.connections, p.threads, place);
  std::optional<double> rate;
  if (p.rate) rate = *p.rate * static_cast<double>(mine) / static_cast<double>(p.connections);
  switch (p.kind) {
    case workload::handshake: {
      testkit::load_settings s{.server = p.connection.server, .clients = mine, .rate = rate};
      s.server_name = p.connection.server_name;
      s.timeout = p.connection.timeout;
      s.sends_close_notify = true;
      s.collects_tickets = s.needs_resumption = p.jar != nullptr;
      s.needs_client_certificate = p.needs_client_certificate;
      return std::make_unique<testkit::handshake_load>(io, *p.tls, std::move(s));
    }
    case workload::throughput: {
      testkit::bulk_settings s{.connection = p.connection, .connections = mine, .direction = p.direction};
      return std::make_unique<testkit::bulk_load>(io, *p.tls, std::move(s));
    }
    case workload::latency: {
      testkit::echo_settings s{.connection = p.connection, .connections = mine, .rate = rate, .size = p.size};
      return std::make_unique<testkit::echo_load>(io, *p.tls, std::move(s));
    }
    case workload::idle: {
      testkit::idle_settings s{.connection = p.connection, .connections = mine, .rate = rate};
      s.openers = std::max<std::size_t>(1, p.openers / p.threads);
      return std::make_unique<testkit::idle_load>(io, *p.tls, std::move(s));
    }
  }
  return nullptr;
}

std::string load_words(const bench_plan& p) {
  const auto many = [](std::size_t n, const char* what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); };
  auto text = many(p.connections, "connection") + " on " + many(p.threads, "thread");
  if (p.kind == workload::throughput) {
    return text + (p.direction == testkit::bulk_direction::up     ? ", up"
                   : p.direction == testkit::bulk_direction::down ? ", down"
                                                                  : ", both ways");
  }
  if (p.kind == workload::latency) text += fmt::format(", {} bytes", p.size);
  if (p.jar) text += ", resumed";
  if (p.needs_client_certificate) text += ", with our certificate";
  if (p.rate) return text + fmt::format(", {} a second, timed from when each was due", *p.rate);
  return p.kind == workload::idle ? text : text + ", each as the last is done";
}

}  // namespace sluice::tool
