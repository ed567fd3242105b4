// SPDX-License-Identifier: Apache-2.0
#include "manual/completions.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sluice::tool {
namespace {

constexpr auto beginning = R"(# fish completion for sluice(1), made from the definitions behind `sluice --help`.
# Whether the words after the program begin with those given.
function __sluice_in
    set -l words (commandline -opc)
    set -e words[1]
    test (count $words) -ge (count $argv); or return 1
    for i in (seq (count $argv))
        test $words[$i] = $argv[$i]; or return 1
    end
end
# Whether they are those given, and nothing else yet.
function __sluice_at
    set -l words (commandline -opc)
    test (count $words) -eq (math 1 + (count $argv)); and __sluice_in $argv
end
complete -c sluice -f
)";

// fish knows \' and \\ between single quotes.
std::string fish_quoted(const std::string& text) {
  std::string made = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') made += '\\';
    made += c;
  }
  return made + "'";
}

std::string line_of(const parameter& p, const std::string& condition) {
  auto made = "complete -c sluice -n " + fish_quoted(condition);
  for (const auto& name : p.names) made += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (const auto choices = p.choices(); !choices.empty()) {
    made += " -x -a " + fish_quoted(fmt::format("{}", fmt::join(choices, " ")));
  } else if (!p.value.empty()) {
    made += p.is_folder() ? " -x -a '(__fish_complete_directories)'" : p.is_file() ? " -r -F" : " -x";
  }
  return made + " -d " + fish_quoted(p.about) + "\n";
}

std::string lines_of(const command& one) {
  std::string made;
  const auto words = one.below_the_program(' ');
  const auto at = one.below.empty() ? "__sluice_in " + words : "__sluice_at" + (words.empty() ? "" : " " + words);
  for (const auto& below : one.below) {
    made +=
        fmt::format("complete -c sluice -n {} -a {} -d {}\n", fish_quoted(at), below.name(), fish_quoted(below.about));
  }
  for (const auto& p : one.options) made += line_of(p, at);
  for (const auto& p : one.arguments) {
    if (!p.is_file()) continue;
    made += "complete -c sluice -n " + fish_quoted(at);
    made += p.is_folder() ? " -a '(__fish_complete_directories)'\n" : " -F\n";
  }
  return made;
}

}  // namespace

std::string fish_completion(const command& program) {
  std::string made = beginning;
  for (const auto* one : all_of(program)) made += lines_of(*one);
  return made;
}

}  // namespace sluice::tool
