// SPDX-License-Identifier: Apache-2.0
// `sluice check`: one handshake, one verdict. Or many, to many addresses, or again and again.
#include "verbs/check/fleet.hpp"
#include "verbs/check/runs.hpp"
#include "client/probe.hpp"
#include "verbs/check/watch.hpp"
#include "terminal/exit_code.hpp"
#include "terminal/run.hpp"
#include "terminal/failure.hpp"
#include "terminal/dates.hpp"
#include "client/details.hpp"
#include "client/words.hpp"
#include "verbs/check/check.hpp"

#include "sluice/printable.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

struct check_options {
  client_verb_options client;
  bool resumes = false;
  std::vector<std::string> addresses;
  std::string count, parallel, watch;

  run_wishes runs() const {
    run_wishes made;
    if (!count.empty()) made.count = parse_count(count, "--count");
    if (!parallel.empty()) made.parallel = parse_count(parallel, "--parallel");
    return made;
  }
};

// Everything the options ask for, made and checked before anybody is asked.
struct prepared {
  std::shared_ptr<ticket_book> book = std::make_shared<ticket_book>();
  client_verb_options options;
  std::optional<client_plan> plan;
  run_wishes runs;
  std::vector<std::string> addresses;  // for --resume; empty: those of the name
  std::chrono::milliseconds period{};
};

prepared prepare(const check_options& asked) {
  prepared made;
  made.options = asked.client;
  made.options.sessions = made.book;
  if (!asked.watch.empty()) made.period = parse_duration(asked.watch, "--watch");
  if (!asked.watch.empty() && made.period.count() == 0) {
    give_up(errc::invalid_argument, "--watch", "\"" + asked.watch + "\" leaves no time between two looks",
            "write how often to look, for example 60s");
  }
  made.runs = asked.runs();
  made.addresses = parse_addresses(asked.addresses);
  if (!asked.resumes) made.book->turn_to(ticket_book::use::ignore);
  made.plan = make_plan(made.options);
  return made;
}

struct findings {
  many_runs runs;
  fleet asked;
};

asio::awaitable<findings> look(const check_options& asked, prepared& p) {
  findings made;
  made.runs = co_await run_many(p.options, *p.plan, p.runs);
  auto given = p.book->take_count();
  given.count /= static_cast<unsigned>(std::max<std::size_t>(1, made.runs.all.size() - made.runs.failed()));
  for (auto& one : made.runs.all) one.tickets = given;
  if (!asked.resumes || made.runs.telling().why) co_return made;
  if (p.addresses.empty()) p.addresses = co_await look_up(*p.plan);
  made.asked = co_await ask_fleet(p.options, *p.plan, made.runs.all.front(), *p.book, p.addresses);
  co_return made;
}

int tell(const check_options& asked, const prepared& p, const findings& found) {
  const auto& r = found.runs.telling();
  const bool is_many = !asked.count.empty();
  const screen out(stdout);
  if (asked.client.tls.json) {
    auto told = describe(r);
    if (is_many) told["runs"] = describe(found.runs);
    if (asked.resumes) told["addresses"] = describe(found.asked);
    out.line(to_text(told));
    return r.why ? exit_code_of(*r.why) : exit_ok;
  }
  const auto more = asked.resumes && !r.why ? "; " + fleet_words(found.asked) : std::string();
  out.line(verdict_line(r, out, more, found.asked.is_split()));
  print_details(r, out);
  if (asked.resumes) print_fleet(found.asked, out);
  if (is_many) print_runs(found.runs, p.runs, out);
  return r.why ? exit_code_of(*r.why) : exit_ok;
}

int tell_trouble(const check_options& asked, const failure& why) {
  if (asked.client.tls.json) {
    const auto undone = undialled(asked.client, why);
    screen(stdout).line(to_text(describe(undone.report)));
  } else {
    complain(why);
  }
  return exit_code_of(why);
}

void tell_change(bool is_json, const connection_report& r, const std::vector<watched_change>& changes) {
  const screen out(stdout);
  const auto now = std::chrono::system_clock::now();
  if (is_json) {
    auto told = describe(r);
    json::array changed;
    for (const auto& one : changes)
      changed.push_back(json::object{{"name", one.name}, {"before", one.before}, {"after", one.after}});
    told["at"] = iso_time(now);
    told["changed"] = std::move(changed);
    out.line(to_text(told));
  } else {
    out.line(out.paint(tone::quiet, local_time(now)) + "  " + verdict_line(r, out));
    for (const auto& one : changes) out.line("  " + printable(one.name + ": " + one.before + ", now " + one.after));
  }
  out.flush();
}

// Until Ctrl-C: the first visit is told, and after it what has changed.
asio::awaitable<int> keep_watch(const check_options& asked, prepared& p) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  std::vector<watched_fact> known;
  for (;;) {
    auto next = asio::steady_timer::clock_type::now() + p.period;
    auto r = co_await visit(p.options, *p.plan);
    r.tickets = p.book->take_count();
    auto facts = watched_facts(r);
    const auto changes = known.empty() ? std::vector<watched_change>() : changes_between(known, facts);
    if (known.empty() || !changes.empty()) tell_change(asked.client.tls.json, r, changes);
    known = std::move(facts);
    pause.expires_at(next);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

int check(const check_options& asked) {
  prepared p;
  try {
    p = prepare(asked);
  } catch (const error& e) {
    return tell_trouble(asked, e.why());
  }
  asio::io_context io;
  if (!asked.watch.empty()) return run_to_end(io, keep_watch(asked, p)).value_or(exit_interrupted);
  auto found = run_to_end(io, look(asked, p));
  if (!found) {
    findings none;
    none.runs.all.push_back(interrupted_dial(asked.client).report);
    found = std::move(none);
  }
  return tell(asked, p, *found);
}

}  // namespace

action declare_check(CLI::App& app) {
  auto options = std::make_shared<check_options>();
  options->client.declare(app);
  auto* count = app.add_option("--count", options->count, "So many handshakes, and how long they took");
  count->type_name("N");
  app.add_option("--parallel", options->parallel, "So many of them at a time")->type_name("M")->needs(count);
  auto* resume = app.add_flag("--resume", options->resumes,
                              "Offer tickets of the server that answered to every address of HOST");
  app.add_option("--address", options->addresses, "For --resume: this address, not those of HOST (repeatable)")
      ->type_name("IP")
      ->needs(resume);
  app.add_option("--watch", options->watch, "Again and again, this often, until Ctrl-C; print what changes")
      ->type_name("TIME")
      ->excludes(count)
      ->excludes(resume);
  return [options] { return check(*options); };
}

}  // namespace sluice::tool
