// SPDX-License-Identifier: Apache-2.0
#include "verbs/check/runs.hpp"

#include "client/probe.hpp"
#include "terminal/values.hpp"
#include "terminal/dates.hpp"
#include "terminal/plot.hpp"
#include "terminal/table.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;
using std::chrono::nanoseconds;

struct crowd {
  crowd(const client_plan& p, std::size_t many, const asio::any_io_executor& executor)
      : plan(p), left(many), all_done(executor, clock_type::time_point::max()) {}

  const client_plan& plan;
  std::size_t left;  // to be begun
  std::size_t busy = 0;
  many_runs runs;
  asio::steady_timer all_done;
};

asio::awaitable<void> take_turns(crowd& c) {
  while (c.left > 0) {
    --c.left;
    auto one = co_await probe(c.plan);
    if (one.is_good() && !c.runs.all.empty()) {  // the first represents all that are good
      one.chain.clear();
      one.seen = {};
    }
    c.runs.all.push_back(std::move(one));
  }
}

using phase_time = std::function<nanoseconds(const connection_report&)>;

testkit::latencies times_of(const many_runs& runs, const phase_time& of) {
  testkit::latencies made;
  for (const auto& one : runs.all)
    if (one.info) made.add(of(one));
  return made;
}

nanoseconds handshake_of(const connection_report& r) { return r.timings.handshake; }

void print_percentiles(const many_runs& runs, const screen& to) {
  using side = table::side;
  table shown({{""}, {"p50", side::right}, {"p90", side::right}, {"p99", side::right}, {"longest", side::right}});
  const auto add = [&](const char* name, const phase_time& of) {
    const auto times = times_of(runs, of);
    const auto at = [&](double percent) { return short_time(times.percentile(percent)); };
    shown.add({{name, tone::quiet}, at(50), at(90), at(99), at(100)});
  };
  add("resolve", [](const connection_report& r) { return r.timings.resolve; });
  add("connect", [](const connection_report& r) { return r.timings.connect; });
  add("handshake", handshake_of);
  add("total", [](const connection_report& r) { return r.total; });
  shown.print(to);
}

// Each step as much longer than the one before as hides neither the many nor the few that were slow.
void print_spread(const many_runs& runs, const screen& to) {
  constexpr std::size_t steps = 8;
  const auto times = times_of(runs, handshake_of);
  if (times.size() < 2) return;
  const auto shortest = std::max(times.percentile(0), nanoseconds(1));
  const auto longest = times.percentile(100);
  const auto ratio = static_cast<double>(longest.count()) / static_cast<double>(shortest.count());
  std::array<std::size_t, steps> counts{};
  const auto log_ratio = std::log(std::max(ratio, 1.0001));
  for (const auto& one : runs.all) {
    if (!one.info) continue;
    const auto above =
        std::log(static_cast<double>(one.timings.handshake.count()) / static_cast<double>(shortest.count()));
    const auto step = static_cast<std::size_t>(std::max(0.0, above / log_ratio * steps));
    ++counts[std::min(step, steps - 1)];
  }
  std::vector<bar> bars;
  for (std::size_t i = 0; i < steps; ++i) {
    const auto edge = std::exp(log_ratio * static_cast<double>(i + 1) / steps) * static_cast<double>(shortest.count());
    bar one;
    one.label = "up to " + short_time(nanoseconds(static_cast<nanoseconds::rep>(edge)));
    one.value = static_cast<double>(counts[i]);
    one.text = std::to_string(counts[i]);
    bars.push_back(std::move(one));
  }
  to.line();
  to.line("  " + to.paint(tone::quiet, "handshakes by the time they took"));
  print_bars(to, bars);
}

}  // namespace

std::size_t many_runs::failed() const {
  return static_cast<std::size_t>(std::ranges::count_if(all, [](const auto& one) { return !one.is_good(); }));
}

const connection_report& many_runs::representative() const {
  const auto bad = std::ranges::find_if(all, [](const auto& one) { return !one.is_good(); });
  return bad != all.end() ? *bad : all.front();
}

asio::awaitable<many_runs> run_many(const client_plan& plan, run_limits limits) {
  const auto executor = co_await asio::this_coro::executor;
  crowd c(plan, limits.count, executor);
  const auto began = clock_type::now();
  const auto turns_ended = [&c](std::exception_ptr) {
    if (--c.busy == 0) c.all_done.cancel();
  };
  c.busy = std::min(limits.parallel, limits.count);
  for (std::size_t i = c.busy; i > 0; --i) asio::co_spawn(executor, take_turns(c), turns_ended);
  co_await c.all_done.async_wait(asio::as_tuple(asio::use_awaitable));
  c.runs.lasted = clock_type::now() - began;
  co_return std::move(c.runs);
}

json::array describe(const many_runs& runs) {
  json::array made;
  for (const auto& one : runs.all) {
    const auto address = one.address ? to_text(*one.address) : std::string();
    made.push_back(json::object{{"ok", one.is_good()},
                                {"address", text_or_null(address)},
                                {"resumed", one.info && one.info->resumed},
                                {"timing_ms", describe_timings(one)},
                                {"error", describe(one.error)}});
  }
  return made;
}

void print_runs(const many_runs& runs, run_limits limits, const screen& to) {
  const auto failed = runs.failed();
  to.line();
  const auto how = limits.parallel > 1 ? fmt::format(", {} at a time", limits.parallel) : std::string();
  const auto good = fmt::format("{} of {} went well", runs.all.size() - failed, runs.all.size());
  to.line(fmt::format("  {} handshakes{}, in {}: {}", runs.all.size(), how, short_time(runs.lasted),
                      to.paint(failed > 0 ? tone::bad : tone::good, good)));
  std::map<std::string, std::size_t> causes;
  for (const auto& one : runs.all)
    if (one.error) ++causes[code_name(one.error->code)];
  for (const auto& [cause, times] : causes) to.line(to.paint(tone::bad, fmt::format("    {}  {}", times, cause)));
  if (times_of(runs, handshake_of).size() == 0) return;
  print_percentiles(runs, to);
  print_spread(runs, to);
}

}  // namespace sluice::tool
