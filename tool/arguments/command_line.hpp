// SPDX-License-Identifier: Apache-2.0
// The whole command line of a program: its verbs, `--help` and `--version`.
#pragma once

#include "arguments/definition.hpp"
#include "arguments/verb.hpp"

#include <span>
#include <string>

namespace sluice::tool {

struct program {
  std::string name, about;
  std::string example;  // the end of its --help
  std::string (*version)();
  std::span<const verb> verbs;
};

// Returns what the arguments ask for: the verb, the text of --help or --version, or a sentence about what is wrong with
// them.
action parse_command_line(const program& p, int argc, const char* const* argv);

command definition_of(const program& p);

}  // namespace sluice::tool
