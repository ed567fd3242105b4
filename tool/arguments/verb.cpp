// SPDX-License-Identifier: Apache-2.0
#include "arguments/verb.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

namespace sluice::tool {

action declare_subverbs(CLI::App& app, std::span<const verb> below) {
  app.require_subcommand(1);
  auto chosen = std::make_shared<action>();
  for (const auto& v : below) {
    auto* sub = app.add_subcommand(std::string(v.name), std::string(v.summary));
    sub->footer("Example:\n" + std::string(v.example));
    sub->callback([chosen, todo = v.declare(*sub)] { *chosen = todo; });
  }
  return [chosen] { return (*chosen)(); };
}

}  // namespace sluice::tool
