// SPDX-License-Identifier: Apache-2.0
#include "verbs/bench/report.hpp"

#include "terminal/exit_code.hpp"
#include "terminal/failure.hpp"
#include "terminal/dates.hpp"
#include "terminal/plot.hpp"
#include "terminal/table.hpp"
#include "client/words.hpp"

#include <fmt/format.h>

#include <array>

namespace sluice::tool {
namespace {

using std::chrono::nanoseconds;

json::value microseconds(const testkit::latencies& times, nanoseconds time) {
  if (times.size() == 0) return nullptr;
  return std::chrono::duration<double, std::micro>(time).count();
}

std::string result_words(const bench_report& r) {
  const auto& times = r.counts.times();
  if (r.is_idle()) {
    return fmt::format("{} of {} connections stayed, {:.1f} KiB of memory each at this end", r.held, r.connections,
                       static_cast<double>(r.memory_each) / 1024);
  }
  if (r.workload == "throughput") return fmt::format("{:.1f} MB/s", r.megabytes_per_second());
  return fmt::format("{:.0f} {} a second, p50 {}, p99 {}", r.per_second(),
                     r.workload == "latency" ? "echoes" : "handshakes", short_time(times.percentile(50)),
                     short_time(times.percentile(99)));
}

std::string verdict(const screen& to, const bench_report& r) {
  const auto first = r.counts.first_failure();
  if (r.ok() == 0 && !r.run.is_interrupted) {
    const auto error = first.value_or(make_failure(errc::timed_out, ""));
    auto text = fmt::format("{} {}: nothing succeeded: {}", to.cross(), r.place, error.code.message());
    if (!error.detail.empty()) text += ": " + error.detail;
    if (const auto remedy = remedy_for(error); !remedy.empty()) text += "; " + remedy;
    return to.paint(tone::bad, text);
  }
  const bool is_clean = r.counts.errors() == 0 && !r.run.is_interrupted;
  auto text = fmt::format("{} {}: {}", to.tick(), r.place, result_words(r));
  if (r.counts.errors() > 0) text += fmt::format("; {} failed", r.counts.errors());
  if (r.run.is_interrupted) text += "; interrupted";
  return to.paint(is_clean ? tone::good : tone::warning, text);
}

std::string time_words(const bench_report& r) {
  if (r.is_idle())
    return fmt::format("made in {}, kept for {}", short_time(r.run.prepared_in), short_time(r.run.measured));
  return fmt::format("{} after {} of warm-up", short_time(r.run.measured), short_time(r.warm_up));
}

std::string latency_words(const bench_report& r) {
  const auto& t = r.counts.times();
  std::string text;
  for (const double percent : {50.0, 90.0, 99.0, 99.9})
    text += fmt::format("p{:g} {}, ", percent, short_time(t.percentile(percent)));
  return text + "max " + short_time(t.longest());
}

void print_facts(const screen& to, const bench_report& r) {
  table facts({{""}, {""}});
  const auto add = [&facts](const char* name, const std::string& text) { facts.add({{name, tone::quiet}, text}); };
  if (!r.address.empty()) add("address", r.address);
  if (r.info) add("agreed", summary(*r.info));
  add("load", r.load);
  if (r.run.has_begun) add("time", time_words(r));
  if (r.counts.times().size() > 0) {
    if (r.workload != "throughput") add("rate", fmt::format("{:.1f} a second", r.per_second()));
    add("latency", latency_words(r));
  }
  facts.print(to);
}

void print_errors(const screen& to, const bench_report& r) {
  if (r.counts.errors() == 0) return;
  to.line();
  table errors({{"errors", table::side::right}, {"cause"}});
  for (const auto& [cause, count] : r.counts.by_cause()) errors.add({{std::to_string(count), tone::bad}, cause});
  errors.print(to);
}

// Rows of 1, 2, 5, 10, 20, 50 µs and so on, from the first that holds any to the one that holds the longest.
void print_distribution(const screen& to, const testkit::latencies& times) {
  if (times.size() < 2) return;
  std::vector<bar> bars;
  std::size_t seen = 0;
  constexpr std::array steps = {1, 2, 5};
  std::int64_t decade = 1000;
  for (std::size_t i = 0; seen < times.size(); ++i) {
    if (i == steps.size()) {
      i = 0;
      decade *= 10;
    }
    const nanoseconds edge(decade * steps[i]);
    const auto below = times.count_up_to(edge);
    if (below == 0) continue;
    const auto share = 100 * static_cast<double>(below - seen) / static_cast<double>(times.size());
    bars.push_back({.label = fmt::format("{} {}", to.has_symbols() ? "≤" : "<=", short_time(edge)),
                    .value = share,
                    .text = fmt::format("{:.1f} %", share)});
    seen = below;
  }
  to.line();
  print_bars(to, bars);
}

}  // namespace

double bench_report::seconds() const {
  return std::chrono::duration<double>(is_idle() ? run.prepared_in : run.measured).count();
}

double bench_report::per_second() const {
  const auto done = is_idle() ? counts.ok() : counts.done_in_window();
  return seconds() > 0 ? static_cast<double>(done) / seconds() : 0;
}

double bench_report::megabytes_per_second() const {
  if (is_idle() || seconds() <= 0) return 0;
  return static_cast<double>(counts.bytes_in_window()) / seconds() / 1e6;
}

json::object describe(const bench_report& r) {
  json::object errors;
  for (const auto& [cause, count] : r.counts.by_cause()) errors[cause] = count;
  const auto& times = r.counts.times();
  return {{"workload", r.workload},
          {"rate", r.rate ? json::value(*r.rate) : json::value(nullptr)},
          {"ok", r.ok()},
          {"errors", std::move(errors)},
          {"per_s", r.per_second()},
          {"mb_s", r.megabytes_per_second()},
          {"latency_us",
           {{"p50", microseconds(times, times.percentile(50))},
            {"p90", microseconds(times, times.percentile(90))},
            {"p99", microseconds(times, times.percentile(99))},
            {"p999", microseconds(times, times.percentile(99.9))},
            {"max", microseconds(times, times.longest())}}},
          {"connections", r.connections}};
}

void print(const screen& to, const bench_report& r) {
  to.line(verdict(to, r));
  print_facts(to, r);
  print_errors(to, r);
  print_distribution(to, r.counts.times());
}

int exit_code_of(const bench_report& r) {
  if (r.run.is_interrupted) return exit_interrupted;
  if (r.ok() > 0) return exit_ok;
  const auto& first = r.counts.first_failure();
  return first ? exit_code_of(*first) : exit_timeout;
}

}  // namespace sluice::tool
