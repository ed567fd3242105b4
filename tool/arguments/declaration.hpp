// SPDX-License-Identifier: Apache-2.0
// How a verb declares its options. CLI11, which parses them, is included by this room alone: what it instantiates
// would be most of the time that a verb takes to compile.
#pragma once

#include <string>

// NOLINTBEGIN(readability-identifier-naming): the names of the library
namespace CLI {
class App;
class Option;
}  // namespace CLI
// NOLINTEND(readability-identifier-naming)

namespace sluice::tool {

// An option that has been declared; copies name the same one. It lives as long as the command line.
class option {
 public:
  explicit option(CLI::Option& it) : it_(&it) {}

  option& type_name(const std::string& value);  // FILE, or echo|http|discard|source
  option& required();
  option& capture_default_str();           // --help shows the value that the variable has now
  option& range(int least, int greatest);  // other values are usage errors
  option& allow_extra_args(bool allowed);  // may several values follow it?
  option& needs(const std::string& name);  // of an option that is declared already
  option& excludes(const std::string& name);

 private:
  CLI::Option* it_;
};

// The options of one verb.
class declaration {
 public:
  explicit declaration(CLI::App& app) : app_(&app) {}

  // The value is written to `variable` when the line is parsed: a text, a number, a list of texts, or an optional text.
  template <class Value>
  option add_option(const std::string& name, Value& variable, const std::string& about);
  option add_flag(const std::string& name, bool& variable, const std::string& about);

  CLI::App& parser() const { return *app_; }  // for this room; elsewhere it is an incomplete type

 private:
  CLI::App* app_;
};

}  // namespace sluice::tool
