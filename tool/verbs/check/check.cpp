// SPDX-License-Identifier: Apache-2.0
// `sluice check`: one handshake, one verdict. Or many, to many addresses, or again and again.
#include "verbs/check/fleet.hpp"
#include "verbs/check/runs.hpp"
#include "verbs/check/watch.hpp"
#include "terminal/exit_code.hpp"
#include "terminal/run.hpp"
#include "terminal/failure.hpp"
#include "terminal/dates.hpp"
#include "client/details.hpp"
#include "client/probe.hpp"
#include "client/words.hpp"
#include "verbs/check/check.hpp"

#include "sluice/printable.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

struct check_options {
  client_verb_options client;
  bool resumes = false;
  std::vector<std::string> addresses;
  std::string count, parallel, watch;
};

// Everything the options ask for, made and checked before the first connection.
struct check_plan {
  std::shared_ptr<ticket_book> book;
  client_plan client;
  run_limits runs;
  bool is_many = false;  // --count was given
  bool resumes = false;
  std::vector<std::string> addresses;  // for --resume; empty: those of the name
  std::chrono::milliseconds period{};  // of --watch; 0: once
  bool is_json = false;
};

std::chrono::milliseconds parse_period(const std::string& watch) {
  if (watch.empty()) return {};
  const auto period = parse_duration(watch, "--watch");
  if (period.count() > 0) return period;
  give_up(errc::invalid_argument, "--watch", "\"" + watch + "\" leaves no time between two looks",
          "write how often to look, for example 60s");
}

run_limits parse_runs(const check_options& options) {
  run_limits made;
  if (!options.count.empty()) made.count = parse_count(options.count, "--count");
  if (!options.parallel.empty()) made.parallel = parse_count(options.parallel, "--parallel");
  return made;
}

check_plan make_plan(const check_options& options) {
  const auto period = parse_period(options.watch);
  const auto runs = parse_runs(options);
  auto addresses = parse_addresses(options.addresses);
  auto book = std::make_shared<ticket_book>();
  if (!options.resumes) book->turn_to(ticket_book::use::ignore);
  return {.book = book,
          .client = make_plan(options.client, book),
          .runs = runs,
          .is_many = !options.count.empty(),
          .resumes = options.resumes,
          .addresses = std::move(addresses),
          .period = period,
          .is_json = options.client.tls.json};
}

struct findings {
  many_runs runs;
  fleet probed;
};

asio::awaitable<findings> examine(const check_plan& p) {
  findings made;
  made.runs = co_await run_many(p.client, p.runs);
  auto given = p.book->take_count();
  given.count /= static_cast<unsigned>(std::max<std::size_t>(1, made.runs.all.size() - made.runs.failed()));
  for (auto& one : made.runs.all) one.tickets = given;
  if (!p.resumes || made.runs.representative().error) co_return made;
  auto addresses = p.addresses;
  if (addresses.empty()) addresses = co_await look_up(p.client);
  made.probed = co_await probe_fleet(p.client, made.runs.all.front(), *p.book, std::move(addresses));
  co_return made;
}

void print(const check_plan& p, const findings& found) {
  const auto& r = found.runs.representative();
  const screen out(stdout);
  if (p.is_json) {
    auto answer = describe(r);
    if (p.is_many) answer["runs"] = describe(found.runs);
    if (p.resumes) answer["addresses"] = describe(found.probed);
    out.line(to_text(answer));
    return;
  }
  const auto more = p.resumes && !r.error ? "; " + fleet_words(found.probed) : std::string();
  out.line(verdict_line(r, out, more, found.probed.is_split()));
  print_details(r, out);
  if (p.resumes) print_fleet(found.probed, out);
  if (p.is_many) print_runs(found.runs, p.runs, out);
}

int fail(const check_options& options, const failure& error) {
  if (options.client.tls.json) {
    screen(stdout).line(to_text(describe(unplanned_report(options.client, error))));
  } else {
    complain(error);
  }
  return exit_code_of(error);
}

void print_change(bool is_json, const connection_report& r, const std::vector<watched_change>& changes) {
  const screen out(stdout);
  const auto now = std::chrono::system_clock::now();
  if (is_json) {
    auto answer = describe(r);
    json::array changed;
    for (const auto& one : changes)
      changed.push_back(json::object{{"name", one.name}, {"before", one.before}, {"after", one.after}});
    answer["at"] = iso_time(now);
    answer["changed"] = std::move(changed);
    out.line(to_text(answer));
  } else {
    out.line(out.paint(tone::quiet, local_time(now)) + "  " + verdict_line(r, out));
    for (const auto& one : changes) out.line("  " + printable(one.name + ": " + one.before + ", now " + one.after));
  }
  out.flush();
}

// Until Ctrl-C: the first report is printed, and after it what has changed.
asio::awaitable<int> keep_watch(const check_plan& p) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  std::vector<watched_fact> known;
  for (;;) {
    auto next = asio::steady_timer::clock_type::now() + p.period;
    auto r = co_await probe(p.client);
    r.tickets = p.book->take_count();
    auto facts = watched_facts(r);
    const auto changes = known.empty() ? std::vector<watched_change>() : changes_between(known, facts);
    if (known.empty() || !changes.empty()) print_change(p.is_json, r, changes);
    known = std::move(facts);
    pause.expires_at(next);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

int check(const check_options& options) {
  std::optional<check_plan> p;
  try {
    p = make_plan(options);
  } catch (const error& e) {
    return fail(options, e.why());
  }
  asio::io_context io;
  if (p->period.count() > 0) return run_to_end(io, keep_watch(*p)).value_or(exit_interrupted);
  auto found = run_to_end(io, examine(*p));
  if (!found) {
    found.emplace();
    found->runs.all.push_back(interrupted_report(p->client));
  }
  print(*p, *found);
  const auto& reason = found->runs.representative().error;
  return reason ? exit_code_of(*reason) : exit_ok;
}

}  // namespace

action declare_check(declaration& app) {
  auto options = std::make_shared<check_options>();
  options->client.declare(app);
  app.add_option("--count", options->count, "Number of handshakes; their times are summarized").type_name("N");
  app.add_option("--parallel", options->parallel, "Number of handshakes at the same time")
      .type_name("M")
      .needs("--count");
  app.add_flag("--resume", options->resumes, "Offer the server's session tickets to every address of HOST");
  app.add_option("--address", options->addresses, "For --resume: this address instead of those of HOST (repeatable)")
      .type_name("IP")
      .needs("--resume");
  app.add_option("--watch", options->watch, "Repeat at this interval until Ctrl-C; print what changes")
      .type_name("TIME")
      .excludes("--count")
      .excludes("--resume");
  return [options] { return check(*options); };
}

}  // namespace sluice::tool
