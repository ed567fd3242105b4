// SPDX-License-Identifier: Apache-2.0
#include "verbs/program.hpp"

#include "arguments/help.hpp"

#include "sluice/version.hpp"

#include <boost/version.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>

namespace sluice::tool {
namespace {

std::string version_text() {
  const auto v = sluice::version();
  return fmt::format("sluice {}\ns2n-tls {}\n{}\nBoost {}.{}.{}\ndefault policy {}", v.text, v.s2n, v.aws_lc,
                     BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100, v.default_policy);
}

}  // namespace

action declare_program(CLI::App& app) {
  app.description("TLS from the terminal, on s2n-tls, with private keys that may live in a PKCS#11 token");
  app.set_version_flag("--version", version_text, "Versions of everything inside");
  app.footer("Example:\n  sluice check example.org");
  app.formatter_fn([](const CLI::App* one, const std::string&, CLI::AppFormatMode) {
    const auto told = definition_of(*one);
    const auto more = told.below.empty() ? std::string() : "`" + told.joined(' ') + " VERB --help` has more.";
    return help_text(told, screen(stdout), more);
  });
  return declare_subverbs(app, verbs());
}

}  // namespace sluice::tool
