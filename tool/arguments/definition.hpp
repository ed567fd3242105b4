// SPDX-License-Identifier: Apache-2.0
// The command line as data: what `--help` is made of, and the manual pages and completions too.
#pragma once

#include <string>
#include <vector>

namespace sluice::tool {

// An option, or a positional argument, which has no names.
struct parameter {
  std::vector<std::string> names;  // "-h", "--help"; longest last
  std::string value;               // FILE, or echo|http|discard|source; empty for a flag
  std::string about, default_value;
  bool is_required = false, may_repeat = false;

  // What may be written there, where it is one of a few words: those are in lower case, or numbers.
  std::vector<std::string> choices() const;
  bool is_file() const;    // the name of a file or folder may be written there
  bool is_folder() const;  // only a folder's
};

struct command {
  std::vector<std::string> path;  // "sluice", "token", "list"
  std::string about, examples;
  std::vector<parameter> options, arguments;
  std::vector<command> below;

  std::string name() const { return path.back(); }
  std::string joined(char with) const;
  std::string below_the_program(char with) const;  // without the program's name; empty for the program itself
};

// The command and all below it, in order.
std::vector<const command*> all_of(const command& top);

}  // namespace sluice::tool
