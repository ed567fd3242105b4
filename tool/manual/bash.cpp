// SPDX-License-Identifier: Apache-2.0
#include "manual/completions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::tool {
namespace {

// Needs nothing of the package bash-completion. Bash takes "--mode=echo" apart at the sign.
constexpr auto beginning = R"(# bash completion for sluice(1), made from the definitions behind `sluice --help`.
_sluice() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} at='' words='' files=''
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' && $COMP_CWORD -gt 1 ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  ((COMP_CWORD > 1)) && at=${COMP_WORDS[1]}
)";

constexpr auto end = R"(  COMPREPLY=()
  if [[ -n $files && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$files" -- "$current")
  elif [[ -n $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}
complete -F _sluice sluice
)";

std::string values_case(const command& one) {
  std::string made;
  for (const auto& p : one.options) {
    if (p.value.empty()) continue;
    std::string patterns;
    for (const auto& name : p.names)
      patterns += (patterns.empty() ? "" : " | ") + shell_quoted(one.below_the_program(' ') + ":" + name);
    auto then = p.is_folder() ? std::string("files=-d") : p.is_file() ? std::string("files=-f") : std::string(":");
    if (const auto choices = p.choices(); !choices.empty())
      then = "words=" + shell_quoted(fmt::format("{}", fmt::join(choices, " ")));
    made += fmt::format("    {}) {} ;;\n", patterns, then);
  }
  return made;
}

// Names of options, verbs below, and files where the verb takes one.
std::string words_case(const command& one) {
  std::vector<std::string> words;
  words.reserve(one.below.size());
  for (const auto& below : one.below) words.push_back(below.name());
  for (const auto& p : one.options) words.insert(words.end(), p.names.begin(), p.names.end());
  std::string files;
  for (const auto& p : one.arguments)
    if (p.is_file()) files = p.is_folder() ? " files=-d" : " files=-f";
  return fmt::format("    {}) words={}{} ;;\n", shell_quoted(one.below_the_program(' ')),
                     shell_quoted(fmt::format("{}", fmt::join(words, " "))), files);
}

}  // namespace

std::string shell_quoted(const std::string& text) {
  std::string made = "'";
  for (const char c : text) made += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return made + "'";
}

std::string bash_completion(const command& program) {
  std::string made = beginning;
  std::vector<std::string> deep;
  for (const auto& one : program.below)
    if (!one.below.empty()) deep.push_back(one.name());
  if (!deep.empty())
    made += fmt::format("  case $at in\n    {}) ((COMP_CWORD > 2)) && at+=\" ${{COMP_WORDS[2]}}\" ;;\n  esac\n",
                        fmt::join(deep, " | "));
  std::string values, words;
  for (const auto* one : all_of(program)) {
    values += values_case(*one);
    words += words_case(*one);
  }
  made += "  case $at:$previous in\n" + values;
  made += "    *) case $at in\n" + words + "    esac ;;\n  esac\n";
  return made + end;
}

}  // namespace sluice::tool
