// SPDX-License-Identifier: Apache-2.0
#include "verbs/program.hpp"

#include "verbs/table.hpp"

#include "sluice/version.hpp"

#include <boost/version.hpp>

#include <fmt/format.h>

namespace sluice::tool {
namespace {

std::string version_text() {
  const auto v = sluice::version();
  return fmt::format("sluice {}\ns2n-tls {}\n{}\nBoost {}.{}.{}\ndefault policy {}", v.text, v.s2n, v.aws_lc,
                     BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100, v.default_policy);
}

}  // namespace

program sluice_program() {
  return {.name = "sluice",
          .about = "TLS from the terminal, on s2n-tls, with private keys that may live in a PKCS#11 token",
          .example = "  sluice check example.org",
          .version = version_text,
          .verbs = verbs()};
}

}  // namespace sluice::tool
