// SPDX-License-Identifier: Apache-2.0
// `sluice policy`: what the security policies of the linked s2n offer, and which of them can talk to a server.
#include "terminal/exit_code.hpp"
#include "terminal/run.hpp"
#include "terminal/failure.hpp"
#include "verbs/policy/describe.hpp"
#include "verbs/policy/lookup.hpp"
#include "verbs/policy/trial.hpp"
#include "terminal/progress.hpp"
#include "terminal/answer.hpp"
#include "verbs/policy/policy.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

struct name_options {
  std::string name, other;
  bool json = false;
};

struct for_options {
  std::string address, server_name, parallel = "8";
  tls_options tls;
};

int list(const name_options& options) {
  const auto known = every_policy();
  const auto deprecated = deprecated_policy_names();
  const screen out(stdout);
  if (options.json) {
    out.line(to_text(describe_policies(known, deprecated)));
  } else {
    print_policies(out, known, deprecated);
  }
  return exit_ok;
}

int show(const name_options& options) {
  const auto one = look_up_policy(options.name);
  const screen out(stdout);
  if (options.json) {
    out.line(to_text(describe(one)));
  } else {
    print_policy(out, one);
  }
  return exit_ok;
}

int diff(const name_options& options) {
  const auto a = look_up_policy(options.name);
  const auto b = look_up_policy(options.other);
  const screen out(stdout);
  if (options.json) {
    out.line(to_text(describe_difference(a, b)));
  } else {
    print_difference(out, a, b);
  }
  return exit_ok;
}

trial_settings settings_of(const for_options& options) {
  trial_settings made{.to = parse_target(options.address), .server_name = options.server_name, .tls = {}};
  if (made.server_name.empty()) made.server_name = made.to.host;
  made.tls = options.tls.for_client();
  // Loaded once, for all contexts.
  if (!made.tls.trust) made.tls.trust = trust::system().value();
  made.timeout = options.tls.time_limit();
  made.parallel = parse_count(options.parallel, "--parallel");
  return made;
}

struct trial_result {
  trials found;
  std::optional<failure> error;  // none of it came about
};

trial_result try_all(const trial_settings& settings, const std::vector<policy>& policies) {
  const progress_line progress;
  const auto on_progress = [&](std::size_t done) {
    progress.say(fmt::format("{} of {} policies", done, policies.size()));
  };
  try {
    asio::io_context io;
    auto done = run_to_end(io, try_policies(settings, policies, on_progress));
    if (!done) return {.found = {}, .error = make_failure(errc::cancelled, settings.to.text())};
    return {.found = std::move(*done), .error = std::nullopt};
  } catch (const error& e) {
    return {.found = {}, .error = e.why()};
  }
}

int find_for(const for_options& options) {
  const auto settings = settings_of(options);
  const auto policies = every_policy();
  const auto result = try_all(settings, policies);
  const screen out(stdout);
  if (options.tls.json) {
    out.line(to_text(describe(settings, result.found, result.error)));
  } else if (result.error) {
    complain(*result.error);
  } else {
    print_trials(out, settings, result.found);
  }
  if (result.error) return exit_code_of(*result.error);
  for (const auto& one : result.found.all) {
    if (one.can_talk()) return exit_ok;
  }
  return exit_code_of(result.found.all.front().error.value());
}

action declare_list(declaration& app) {
  auto options = std::make_shared<name_options>();
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return list(*options); };
}

action declare_show(declaration& app) {
  auto options = std::make_shared<name_options>();
  app.add_option("NAME", options->name, "A policy of s2n, or a name of aws-c-io's (AWS_IO_…)").required().type_name("");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return answer(options->json, [&] { return show(*options); }); };
}

action declare_diff(declaration& app) {
  auto options = std::make_shared<name_options>();
  app.add_option("A", options->name, "A policy").required().type_name("");
  app.add_option("B", options->other, "Another").required().type_name("");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return answer(options->json, [&] { return diff(*options); }); };
}

action declare_for(declaration& app) {
  auto options = std::make_shared<for_options>();
  app.add_option("HOST", options->address, "HOST, HOST:PORT or [IPV6]:PORT; port 443 unless given")
      .required()
      .type_name("");
  options->tls.credentials.declare(app);
  options->tls.declare_rest(app);
  app.add_option("--servername", options->server_name, "Name to send (SNI) and to verify, if it is not HOST")
      .type_name("NAME");
  app.add_option("--parallel", options->parallel, "Number of handshakes at the same time")
      .type_name("N")
      .capture_default_str();
  return [options] { return answer(options->tls.json, [&] { return find_for(*options); }); };
}

constexpr std::array policy_verbs = {
    verb{"list", "Every policy: its versions, whether it is post-quantum, what it is used for",
         "  sluice policy list\n  sluice policy list --json", declare_list},
    verb{"show", "One policy: versions, suites, groups and signatures, in order of preference",
         "  sluice policy show default\n  sluice policy show AWS_IO_TLSv1_2 --json", declare_show},
    verb{"diff", "What one policy allows and another does not", "  sluice policy diff default rfc9151", declare_diff},
    verb{"for", "Tries a handshake with each policy: which ones can a server use?",
         "  sluice policy for example.org\n"
         "  sluice policy for localhost:8443 --ca ca.pem --json",
         declare_for},
};

}  // namespace

action declare_policy(declaration& app) { return declare_subverbs(app, policy_verbs); }

}  // namespace sluice::tool
