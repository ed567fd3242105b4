// SPDX-License-Identifier: Apache-2.0
#include "verbs/program.hpp"

#include "sluice/version.hpp"

#include <boost/version.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

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
  app.footer("Example:\n  sluice check example.org\n\n`sluice VERB --help` has more.");
  return declare_subverbs(app, verbs());
}

}  // namespace sluice::tool
