// SPDX-License-Identifier: Apache-2.0
#include "manual/completions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::tool {
namespace {

// For _arguments and _describe, where brackets and colons are its own.
std::string spelled(const std::string& text) {
  std::string made;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') made += '\\';
    made += c;
  }
  return made;
}

std::string action_of(const parameter& p) {
  if (const auto choices = p.choices(); !choices.empty()) return fmt::format("({})", fmt::join(choices, " "));
  return p.is_folder() ? "_files -/" : p.is_file() ? "_files" : " ";
}

std::string message_of(const parameter& p) { return spelled(p.value) + ":" + action_of(p); }

std::string options_of(const command& one) {
  std::string made;
  for (const auto& p : one.options) {
    for (const auto& name : p.names) {
      auto spec = (p.may_repeat ? "*" : "") + name + "[" + spelled(p.about) + "]";
      if (!p.value.empty()) spec += ":" + message_of(p);
      made += " \\\n    " + shell_quoted(spec);
    }
  }
  return made;
}

std::string function_name(const command& one) { return "_" + one.joined('_'); }

std::string function_of(const command& one) {
  auto made = function_name(one) + "() {\n";
  if (one.below.empty()) {
    made += "  _arguments" + options_of(one);
    std::size_t position = 1;
    for (const auto& p : one.arguments)
      made += " \\\n    " + shell_quoted((p.may_repeat ? "*" : std::to_string(position++)) + ":" + message_of(p));
    return made + "\n}\n";
  }
  made += "  local curcontext=\"$curcontext\" state line\n  local -a verbs\n  typeset -A opt_args\n";
  made += "  _arguments -C" + options_of(one) + " \\\n    '1: :->verb' \\\n    '*:: :->rest'\n";
  made += "  case $state in\n    verb)\n      verbs=(";
  for (const auto& below : one.below) made += "\n        " + shell_quoted(below.name() + ":" + spelled(below.about));
  made += "\n      )\n      _describe verb verbs ;;\n    rest)\n      case $line[1] in\n";
  for (const auto& below : one.below) made += fmt::format("        {}) {} ;;\n", below.name(), function_name(below));
  return made + "      esac ;;\n  esac\n}\n";
}

}  // namespace

std::string zsh_completion(const command& program) {
  std::string made =
      "#compdef sluice\n# zsh completion for sluice(1), made from the definitions behind `sluice --help`.\n";
  for (const auto* one : all_of(program)) made += "\n" + function_of(*one);
  return made + "\n_sluice \"$@\"\n";
}

}  // namespace sluice::tool
