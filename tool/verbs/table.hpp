// SPDX-License-Identifier: Apache-2.0
// The verbs of the command line. To add one: a file beside this one, its declaration here, a row in table.cpp.
#pragma once

#include <functional>
#include <span>
#include <string_view>

namespace CLI {
class App;
}

namespace sluice::tool {

// What remains to be done once the command line is parsed; answers the exit code. It may throw sluice::error.
using action = std::function<int()>;

struct verb {
  std::string_view name;
  std::string_view summary;  // a line of `sluice --help`
  std::string_view example;  // the end of `sluice NAME --help`
  action (*declare)(CLI::App& app);  // adds the verb's options to `app`
};

std::span<const verb> verbs();

// The verbs below a verb.
action declare_subverbs(CLI::App& app, std::span<const verb> below);

action declare_bench(CLI::App& app);
action declare_ca(CLI::App& app);
action declare_check(CLI::App& app);
action declare_connect(CLI::App& app);
action declare_demo(CLI::App& app);
action declare_lab(CLI::App& app);
action declare_policy(CLI::App& app);
action declare_serve(CLI::App& app);
action declare_token(CLI::App& app);

}  // namespace sluice::tool
