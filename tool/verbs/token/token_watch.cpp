// SPDX-License-Identifier: Apache-2.0
// `sluice token watch`: what happens to a token, as it happens, until Ctrl-C.
#include "terminal/interrupt.hpp"
#include "terminal/failure.hpp"
#include "terminal/values.hpp"
#include "terminal/dates.hpp"
#include "terminal/answer.hpp"
#include "verbs/token/describe.hpp"
#include "verbs/token/watch.hpp"
#include "verbs/token/token.hpp"

#include <fmt/format.h>

#include <memory>
#include <thread>

namespace sluice::tool {
namespace {

struct watch_options {
  token_place place;
  std::string every = "500ms";
  bool json = false;
};

void print_event(const screen& out, bool is_json, const token_event& event) {
  const auto now = iso_time(std::chrono::system_clock::now());
  if (is_json) {
    json::object line{{"event", event.name}, {"at", now}};
    for (const auto& field : event.fields) line[field.key()] = field.value();
    out.line(to_text(line));
  } else {
    out.line(fmt::format("{}  {} {}", out.paint(tone::quiet, now), out.verdict(event.is_good), event.words));
  }
  out.flush();
}

int watch(const watch_options& options) {
  options.place.parsed();
  const auto period = parse_duration(options.every, "--every");
  const interrupt_watch interrupt;
  const screen out(stdout);
  token_watch watched(options.place, [&](const token_event& event) { print_event(out, options.json, event); });
  print_event(out, options.json,
              {.name = "watching",
               .fields = {{"uri", options.place.parsed().to_string()}},
               .words = "watching " + options.place.parsed().to_string()});
  try {
    for (;;) {
      watched.look();
      const auto until = std::chrono::steady_clock::now() + period;
      do {
        interrupt.check();
        std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(period, std::chrono::milliseconds(20)));
      } while (std::chrono::steady_clock::now() < until);
    }
  } catch (const error& e) {
    if (e.why().code != errc::cancelled) throw;
  }
  if (const auto last = watched.stats(); last && options.json)
    print_event(out, true, {.name = "stats", .fields = describe(*last), .words = {}});
  return exit_interrupted;
}

}  // namespace

action declare_token_watch(declaration& app) {
  auto options = std::make_shared<watch_options>();
  options->place.declare(app, true);
  app.add_option("--every", options->every, "Interval between two looks").type_name("TIME").capture_default_str();
  app.add_flag("--json", options->json, "A line of JSON an event");
  return [options] { return answer(options->json, [&] { return watch(*options); }); };
}

}  // namespace sluice::tool
