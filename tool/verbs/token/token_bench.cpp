// SPDX-License-Identifier: Apache-2.0
// `sluice token bench`: signatures a second by number of sessions, each session kept busy.
#include "terminal/interrupt.hpp"
#include "terminal/failure.hpp"
#include "terminal/values.hpp"
#include "testkit/authority/signing.hpp"
#include "testkit/load/latencies.hpp"
#include "terminal/dates.hpp"
#include "terminal/plot.hpp"
#include "terminal/table.hpp"
#include "terminal/answer.hpp"
#include "verbs/token/describe.hpp"
#include "verbs/token/token.hpp"

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

namespace sluice::tool {
namespace {

using clock_type = std::chrono::steady_clock;

struct bench_options {
  token_place place;
  std::string duration = "5s", sessions = "1,2,4", scheme;
  bool json = false;
};

struct bench_run {
  std::size_t sessions = 0;
  double per_second = 0;
  std::chrono::nanoseconds p50{}, p99{};
  std::uint64_t failed = 0;
  std::optional<failure> first_failure;
};

std::vector<std::size_t> parse_sessions(const std::string& text) {
  std::vector<std::size_t> all;
  std::istringstream parts(text);
  for (std::string one; std::getline(parts, one, ',');) all.push_back(parse_count(one, "--sessions"));
  if (all.empty() || all.back() > 256)
    give_up(errc::invalid_argument, "--sessions", "\"" + text + "\" is not a list of numbers from 1 to 256",
            "write 1,2,4");
  return all;
}

signature_scheme choose_scheme(const bench_options& options, const pkcs11::key& key) {
  if (const auto named = signature_scheme_from(options.scheme)) return *named;
  if (!options.scheme.empty())
    give_up(errc::invalid_argument, "--scheme", "\"" + options.scheme + "\" is not a signature scheme");
  const auto usual = testkit::schemes_for(key.public_key().value_or(std::vector<std::byte>()));
  if (usual.empty())
    give_up(errc::invalid_argument, "--scheme", "the token does not report the type of the key", "name the scheme");
  return usual.front();
}

// Without a PIN, over the token's pad: a person is asked once, not for each run.
std::optional<pkcs11::token> log_in_once(const token_place& place) {
  if (place.has_pin()) return std::nullopt;
  return place.open();
}

// A thread a session, each asking again as soon as it is answered. The key is opened anew: its pool has that many.
bench_run measure(const bench_options& options, std::size_t sessions, const interrupt_watch& watch) {
  auto wishes = options.place.wishes();
  wishes.sessions = sessions;
  const auto key = pkcs11::open_key(options.place.text, wishes).value();
  const auto request =
      testkit::digest_to_sign(choose_scheme(options, *key), std::as_bytes(std::span("sluice token bench")));
  key->sign(request).value();  // a key that cannot sign at all is an error, not a figure
  std::atomic<bool> is_over = false;
  std::mutex gate;
  testkit::latencies all;
  bench_run made{.sessions = sessions};
  const auto work = [&] {
    std::vector<std::chrono::nanoseconds> mine;
    while (!is_over) {
      const auto began = clock_type::now();
      const auto outcome = key->sign(request);
      if (outcome) mine.push_back(clock_type::now() - began);
      if (outcome) continue;
      const std::lock_guard lock(gate);
      if (made.failed++ == 0) made.first_failure = outcome.error();
    }
    const std::lock_guard lock(gate);
    for (const auto one : mine) all.add(one);
  };
  const auto began = clock_type::now();
  const auto until = began + parse_duration(options.duration, "--duration");
  {
    std::vector<std::jthread> threads;
    struct end_first {
      std::atomic<bool>& flag;
      ~end_first() { flag = true; }
    };
    threads.reserve(sessions);
    for (std::size_t i = 0; i < sessions; ++i) threads.emplace_back(work);
    const end_first end{is_over};
    while (clock_type::now() < until) {
      watch.check();
      std::this_thread::sleep_for(
          std::min<clock_type::duration>(std::chrono::milliseconds(20), until - clock_type::now()));
    }
  }
  const auto took = std::chrono::duration<double>(clock_type::now() - began).count();
  made.sessions = std::min(sessions, key->stats().session_limit);  // what the token allowed
  made.per_second = static_cast<double>(all.size()) / took;
  made.p50 = all.percentile(50);
  made.p99 = all.percentile(99);
  return made;
}

void print(const screen& out, const std::vector<bench_run>& runs) {
  table t({{"sessions", table::side::right},
           {"signatures/s", table::side::right},
           {"p50", table::side::right},
           {"p99", table::side::right},
           {"failed", table::side::right}});
  std::vector<bar> bars;
  for (const auto& r : runs) {
    t.add({std::to_string(r.sessions),
           fmt::format("{:.0f}", r.per_second),
           short_time(r.p50),
           short_time(r.p99),
           {std::to_string(r.failed), r.failed > 0 ? tone::bad : tone::plain}});
    bars.push_back({.label = fmt::format("{} session{}", r.sessions, r.sessions == 1 ? "" : "s"),
                    .value = r.per_second,
                    .text = fmt::format("{:.0f}/s", r.per_second)});
  }
  t.print(out);
  out.line();
  print_bars(out, bars);
}

int bench(const bench_options& options) {
  options.place.parsed();
  const interrupt_watch watch;
  const auto held = log_in_once(options.place);
  std::vector<bench_run> runs;
  for (const auto sessions : parse_sessions(options.sessions)) {
    runs.push_back(measure(options, sessions, watch));
    if (runs.back().sessions < sessions) break;  // the token has no more to give
  }
  const screen out(stdout);
  if (options.json) {
    json::array all;
    for (const auto& r : runs) {
      all.push_back({{"sessions", r.sessions},
                     {"per_s", r.per_second},
                     {"p50_ms", milliseconds(r.p50)},
                     {"p99_ms", milliseconds(r.p99)},
                     {"failed", r.failed}});
    }
    out.line(to_text(json::object{{"runs", std::move(all)}}));
  } else {
    print(out, runs);
  }
  for (const auto& r : runs) {
    if (!r.first_failure) continue;
    complain(*r.first_failure);
    return exit_code_of(*r.first_failure);
  }
  return exit_ok;
}

}  // namespace

action declare_token_bench(declaration& app) {
  auto options = std::make_shared<bench_options>();
  options->place.declare(app, true);
  app.add_option("--duration", options->duration, "Duration of the measurement for each number of sessions")
      .type_name("TIME")
      .capture_default_str();
  app.add_option("--sessions", options->sessions, "Numbers of sessions to measure, one after another")
      .type_name("LIST")
      .capture_default_str();
  app.add_option("--scheme", options->scheme, "The TLS signature scheme (default: the default for the key's type)")
      .type_name("NAME");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return answer(options->json, [&] { return bench(*options); }); };
}

}  // namespace sluice::tool
