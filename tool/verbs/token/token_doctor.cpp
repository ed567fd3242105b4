// SPDX-License-Identifier: Apache-2.0
// `sluice token doctor`: verdicts about a token and a key, and what to change.
#include "terminal/failure.hpp"
#include "terminal/table.hpp"
#include "terminal/answer.hpp"
#include "verbs/token/describe.hpp"
#include "verbs/token/doctor.hpp"
#include "verbs/token/token.hpp"

#include <fmt/format.h>

#include <memory>

namespace sluice::tool {
namespace {

struct doctor_options {
  token_place place;
  std::string cert;
  bool json = false;
};

json::object describe(const finding& f) {
  const auto remedy = f.error ? remedy_for(*f.error) : std::string();
  return {{"name", f.name},
          {"ok", f.is_good()},
          {"code", f.error ? json::value(code_name(f.error->code)) : json::value(nullptr)},
          {"remedy", text_or_null(remedy)},
          {"detail", f.error ? f.error->message() : f.detail}};
}

json::object describe(const diagnosis& d) {
  json::array checks, schemes, versions;
  for (const auto& f : d.findings) checks.emplace_back(describe(f));
  for (const auto& t : d.trials) {
    schemes.push_back({{"name", to_string(t.scheme)},
                       {"ok", !t.error},
                       {"code", t.error ? json::value(code_name(t.error->code)) : json::value(nullptr)}});
  }
  for (const auto& v : d.versions) {
    json::array names;
    for (const auto s : v.schemes) names.emplace_back(to_string(s));
    versions.push_back({{"name", to_string(v.version)}, {"ok", !v.schemes.empty()}, {"schemes", std::move(names)}});
  }
  return {{"ok", d.is_good()},
          {"checks", std::move(checks)},
          {"schemes", std::move(schemes)},
          {"versions", std::move(versions)}};
}

void print(const screen& out, const diagnosis& d) {
  for (const auto& f : d.findings) {
    if (f.is_good()) {
      out.line(fmt::format("{} {}: {}", out.verdict(true), f.name, f.detail));
      continue;
    }
    auto reported = *f.error;
    reported.remedy = remedy_for(reported);
    out.line(fmt::format("{} {}: {}", out.verdict(false), f.name, reported.message()));
  }
  if (d.trials.empty()) return;
  out.line();
  table t({{"signature scheme"}, {"TLS 1.3"}, {"TLS 1.2"}, {"TLS 1.0, 1.1"}, {"why not"}});
  for (const auto& trial : d.trials) {
    const auto in = [&](tls_version version) {
      for (const auto& v : d.versions) {
        if (v.version == version && std::ranges::count(v.schemes, trial.scheme) > 0) return std::string("yes");
      }
      return std::string("-");
    };
    t.add({std::string(to_string(trial.scheme)),
           in(tls_version::tls1_3),
           in(tls_version::tls1_2),
           in(tls_version::tls1_1),
           {trial.error ? code_name(trial.error->code) : std::string(), tone::bad}});
  }
  t.print(out);
}

int doctor(const doctor_options& options) {
  options.place.parsed();  // what is wrong with the command line is not the token's illness
  const auto d = examine(options.place, options.cert);
  const screen out(stdout);
  if (options.json) {
    out.line(to_text(describe(d)));
  } else {
    print(out, d);
  }
  return d.exit_code();
}

}  // namespace

action declare_token_doctor(declaration& app) {
  auto options = std::make_shared<doctor_options>();
  options->place.declare(app, true);
  app.add_option("--cert", options->cert, "The key's certificate, PEM (default: the one on the token)")
      .type_name("FILE");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return answer(options->json, [&] { return doctor(*options); }); };
}

}  // namespace sluice::tool
