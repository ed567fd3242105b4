// SPDX-License-Identifier: Apache-2.0
// What a verb of the command line is, and how verbs are declared below another.
#pragma once

#include "arguments/declaration.hpp"

#include <functional>
#include <span>
#include <string_view>

namespace sluice::tool {

// What remains to be done once the command line is parsed; returns the exit code. It may throw sluice::error.
using action = std::function<int()>;

struct verb {
  std::string_view name;
  std::string_view summary;             // a line of `sluice --help`
  std::string_view example;             // the end of `sluice NAME --help`
  action (*declare)(declaration& app);  // adds the verb's options to `app`
};

action declare_subverbs(declaration& app, std::span<const verb> below);

}  // namespace sluice::tool
