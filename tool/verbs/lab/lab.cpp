// SPDX-License-Identifier: Apache-2.0
// `sluice lab`: peers that are wrong in one way each, on loopback, and the verdict each must get.
#include "terminal/exit_code.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/failure.hpp"
#include "terminal/values.hpp"
#include "verbs/lab/errors_page.hpp"
#include "testkit/peers/listener.hpp"
#include "verbs/lab/run.hpp"
#include "testkit/peers/world.hpp"
#include "testkit/load/loop_thread.hpp"
#include "terminal/json.hpp"
#include "terminal/table.hpp"
#include "verbs/lab/lab.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <thread>

namespace sluice::tool {
namespace {

using lab::verdict;
using testkit::peers::lab_case;

struct list_options {
  bool json = false;
};

struct run_options {
  std::vector<std::string> names;
  std::string policy, client;
  std::string timeout = "10s", mute_timeout = "2s";
  bool json = false, markdown = false, needs_all = false;
};

struct serve_options {
  std::string name;
  std::string port = "0";
  bool json = false;
};

json::value from_of(const lab_case& one) {
  if (!one.from) return nullptr;
  return *one.from == origin::peer ? "peer" : "local";
}

json::object describe(const lab_case& one) {
  return {{"case", one.name},
          {"group", one.group},
          {"expect", testkit::peers::verdict_name(one.expect)},
          {"origin", from_of(one)},
          {"about", one.about},
          {"note", text_or_null(one.note)},
          {"available", one.unavailable.empty()},
          {"remedy", text_or_null(one.unavailable)}};
}

int list(const list_options& options) {
  const screen out(stdout);
  if (options.json) {
    for (const auto& one : testkit::peers::cases()) out.line(to_text(describe(one)));
    return exit_ok;
  }
  table shown({{"case"}, {"group"}, {"expect"}, {"what it is"}, {"note"}});
  for (const auto& one : testkit::peers::cases()) {
    const auto note = one.unavailable.empty() ? one.note : "unavailable: " + one.unavailable;
    shown.add({{one.name, tone::strong},
               {one.group, tone::quiet},
               std::string(testkit::peers::verdict_name(one.expect)),
               one.about,
               {note, tone::quiet}});
  }
  shown.print(out, 0);
  return exit_ok;
}

class running {
 public:
  explicit running(const run_options& options) : options_(options) {}

  int run() {
    lab::run_settings settings{.policy = options_.policy, .client = options_.client};
    settings.limit = parse_duration(options_.timeout, "--timeout");
    settings.timeout = parse_duration(options_.mute_timeout, "--patience");
    const auto chosen = choose();
    const interrupt_watch watch;
    lab::run_cases(chosen, settings, watch, [this](const lab_case& one, const verdict& v) { take(one, v); });
    if (options_.markdown) tell_page();
    if (!options_.json && !options_.markdown) sum_up();
    return failed_ == 0 ? exit_ok : exit_requirement;
  }

 private:
  // Another's client has nowhere to go where the peer is a client itself.
  std::vector<lab_case> choose() const {
    auto chosen = testkit::peers::select_cases(options_.names);
    if (options_.client.empty()) return chosen;
    std::erase_if(chosen, [](const lab_case& one) { return one.group == testkit::peers::clients_group; });
    if (chosen.empty()) {
      give_up(errc::invalid_argument, "--client", "these cases are clients, which go to our server",
              "run them without --client");
    }
    return chosen;
  }

  // Named cases, or all of them: success is not reported if no client connected.
  bool is_failure(const verdict& v) const {
    if (v.is == verdict::state::unavailable) return options_.needs_all || !options_.names.empty();
    return v.is == verdict::state::failed;
  }

  void take(const lab_case& one, const verdict& v) {
    failed_ += is_failure(v) ? 1 : 0;
    unavailable_ += v.is == verdict::state::unavailable ? 1 : 0;
    held_ += v.is == verdict::state::held ? 1 : 0;
    if (options_.markdown) return page_.add(one, v);
    options_.json ? tell_json(one, v) : tell_people(one, v);
    out_.flush();
  }

  void tell_page() const { out_.lines(page_.text()); }

  void tell_json(const lab_case& one, const verdict& v) const {
    out_.line(to_text(json::object{
        {"case", one.name},
        {"group", one.group},
        {"expect", testkit::peers::verdict_name(one.expect)},
        {"got", v.got},
        {"ok", v.is == verdict::state::unavailable ? json::value(nullptr) : json::value(v.is == verdict::state::held)},
        {"origin", text_or_null(v.origin)},
        {"message", v.message}}));
  }

  void tell_people(const lab_case& one, const verdict& v) const {
    const auto name = fmt::format("{:<{}}", one.name, 26);
    if (v.is == verdict::state::unavailable) {
      return out_.line(fmt::format("{} {}  {}", out_.paint(tone::warning, "-"), name, v.message));
    }
    const bool is_good = v.is == verdict::state::held;
    auto text = fmt::format("{} {}  {}", out_.verdict(is_good), name, v.got);
    if (!is_good) text += fmt::format(", expected {}", testkit::peers::verdict_name(one.expect));
    if (!is_good && one.from && v.got == testkit::peers::verdict_name(one.expect)) {
      text += *one.from == origin::peer ? " from the peer" : " from us";
    }
    if (!v.message.empty()) text += out_.paint(tone::quiet, fmt::format("  {}", v.message));
    out_.line(text);
  }

  void sum_up() const {
    auto text = fmt::format("{} of {} verdicts hold", held_, held_ + failed_ + (failed_ == 0 ? unavailable_ : 0));
    if (failed_ == 0) text = fmt::format("{} verdicts hold", held_);
    if (unavailable_ > 0) text += fmt::format("; {} cases are unavailable", unavailable_);
    out_.line();
    out_.line(fmt::format("{} {}", out_.verdict(failed_ == 0), text));
  }

  const run_options options_;
  const screen out_{stdout};
  lab::errors_page page_;
  int held_ = 0, failed_ = 0, unavailable_ = 0;
};

const lab_case& find_case(const std::string& name) {
  for (const auto& one : testkit::peers::cases()) {
    if (one.name != name) continue;
    if (one.group == testkit::peers::clients_group) {
      give_up(errc::invalid_argument, "\"" + name + "\"",
              "this case is a client, which goes to our server and nowhere else",
              "`sluice lab run " + name + "` has it come");
    }
    if (one.unavailable.empty()) return one;
    give_up(errc::invalid_argument, "\"" + name + "\"", "this case is unavailable", one.unavailable);
  }
  give_up(errc::invalid_argument, "\"" + name + "\"", "there is no such case", "`sluice lab list` shows all");
}

unsigned short parse_port(const std::string& text) { return parse_listen_address("127.0.0.1:" + text).port(); }

int serve(const serve_options& options) {
  const auto& one = find_case(options.name);
  const auto port = parse_port(options.port);
  const interrupt_watch watch;
  testkit::peers::world world;
  const auto who = one.make(world, one.argument);
  const auto ca = world.folder().write("ca.pem", who.ca.empty() ? world.root().certificate() : who.ca);
  testkit::loop_thread loop;
  const testkit::peers::listener place(loop.io(), who.serve, port);
  const auto address = to_text(place.address());
  const screen out(stdout);
  if (options.json) {
    out.line(to_text(json::object{{"event", "listening"},
                                  {"address", address},
                                  {"ca", ca},
                                  {"sni", who.server_name},
                                  {"case", one.name},
                                  {"expect", testkit::peers::verdict_name(one.expect)}}));
  } else {
    out.line("listening " + address);
    out.line("  ca      " + ca);
    out.line("  name    " + who.server_name);
    out.line(fmt::format("  expect  {}: {}", testkit::peers::verdict_name(one.expect), one.about));
  }
  out.flush();
  try {
    for (;;) {
      watch.check();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  } catch (const error&) {
    loop.stop();
  }
  return exit_ok;
}

action declare_list(declaration& app) {
  auto options = std::make_shared<list_options>();
  app.add_flag("--json", options->json, "A line of JSON a case");
  return [options] { return list(*options); };
}

action declare_run(declaration& app) {
  auto options = std::make_shared<run_options>();
  app.add_option("CASE", options->names, "Cases, or groups of cases (default: all)").type_name("");
  app.add_option("--policy", options->policy, "s2n security policy of our client (default: default)").type_name("NAME");
  app.add_option("--client", options->client,
                 "Run this shell command instead of our client: {host} {port} {ca} {sni} are filled in, exit code 0 is "
                 "accepted, any other rejected")
      .type_name("COMMAND");
  app.add_option("--timeout", options->timeout, "How long a client may take for a case: 250ms, 10s")
      .type_name("TIME")
      .capture_default_str();
  app.add_option("--patience", options->mute_timeout, "Timeout of our client in cases where the peer never answers")
      .type_name("TIME")
      .capture_default_str();
  app.add_flag("--require-all", options->needs_all, "Fail (9) when a case is unavailable");
  app.add_flag("--json", options->json, "A line of JSON a case");
  app.add_flag("--markdown", options->markdown, "Print the page docs/errors.md")
      .excludes("--json")
      .excludes("--client");
  return [options] { return running(*options).run(); };
}

action declare_serve_case(declaration& app) {
  auto options = std::make_shared<serve_options>();
  app.add_option("CASE", options->name, "One case").required().type_name("");
  app.add_option("--port", options->port, "Port on 127.0.0.1; 0 is any free one")
      .type_name("PORT")
      .capture_default_str();
  app.add_flag("--json", options->json, "Say where it listens in JSON");
  return [options] { return serve(*options); };
}

constexpr std::array lab_verbs = {
    verb{"list", "Every case, and the result that a client must report", "  sluice lab list\n  sluice lab list --json",
         declare_list},
    verb{"run", "Connects to every peer, or to some, and compares the results",
         "  sluice lab run\n"
         "  sluice lab run expired wrong-host behaviour --json\n"
         "  sluice lab run certificates --client 'curl -sf --cacert {ca} --connect-to {sni}:443:{host}:{port} "
         "https://{sni}/'",
         declare_run},
    verb{"serve", "Runs one peer until Ctrl-C, for your own client", "  sluice lab serve expired --port 8443",
         declare_serve_case},
};

}  // namespace

action declare_lab(declaration& app) { return declare_subverbs(app, lab_verbs); }

}  // namespace sluice::tool
