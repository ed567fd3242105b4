// SPDX-License-Identifier: Apache-2.0
#include "arguments/definition.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <sstream>

namespace sluice::tool {
namespace {

bool is_placeholder(const std::string& word) {
  return std::ranges::any_of(word, [](unsigned char c) { return std::isupper(c) != 0; });
}

std::vector<std::string> alternatives(const std::string& value) {
  std::vector<std::string> words;
  std::istringstream parts(value);
  for (std::string word; std::getline(parts, word, '|');) words.push_back(word);
  return words;
}

parameter describe(const CLI::Option& one) {
  parameter made{.about = one.get_description(), .default_value = one.get_default_str()};
  for (const auto& name : one.get_snames()) made.names.push_back("-" + name);
  for (const auto& name : one.get_lnames()) made.names.push_back("--" + name);
  // After a colon CLI11 tells what a check allows, in its own words.
  if (one.get_items_expected_max() > 0) made.value = one.get_type_name().substr(0, one.get_type_name().find(':'));
  if (one.get_positional() && made.value.empty()) made.value = one.get_name(true);
  made.is_required = one.get_required();
  made.may_repeat = one.get_items_expected_max() > 1;
  return made;
}

std::string examples_of(const CLI::App& app) {
  constexpr std::string_view heading = "Example:\n";
  const auto text = app.get_footer();
  if (!text.starts_with(heading)) return {};
  std::istringstream lines(text.substr(heading.size(), text.find("\n\n") - heading.size()));
  std::string made;
  for (std::string line; std::getline(lines, line);)
    made += (made.empty() ? "" : "\n") + line.substr(std::min(line.find_first_not_of(' '), line.size()));
  return made;
}

void describe_into(command& made, const CLI::App& app) {
  made.path.push_back(app.get_name());
  made.about = app.get_description();
  made.examples = examples_of(app);
  for (const auto* one : app.get_options()) {
    (one->get_positional() ? made.arguments : made.options).push_back(describe(*one));
  }
  for (const auto* sub : app.get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); })) {
    command below{.path = made.path};
    describe_into(below, *sub);
    made.below.push_back(std::move(below));
  }
}

void collect(const command& one, std::vector<const command*>& all) {
  all.push_back(&one);
  for (const auto& below : one.below) collect(below, all);
}

}  // namespace

std::vector<std::string> parameter::choices() const {
  auto words = alternatives(value);
  std::erase_if(words, is_placeholder);
  return words;
}

bool parameter::is_file() const {
  const auto is_path = [](const std::string& word) { return word == "FILE" || word == "PATH"; };
  return is_folder() || std::ranges::any_of(alternatives(value), is_path);
}

bool parameter::is_folder() const { return value == "DIR"; }

std::string command::joined(char with) const { return fmt::format("{}", fmt::join(path, std::string(1, with))); }

std::string command::below_the_program(char with) const {
  return fmt::format("{}", fmt::join(std::next(path.begin()), path.end(), std::string(1, with)));
}

command definition_of(const CLI::App& app) {
  command made;
  for (const auto* above = app.get_parent(); above != nullptr; above = above->get_parent())
    made.path.insert(made.path.begin(), above->get_name());
  describe_into(made, app);
  return made;
}

std::vector<const command*> all_of(const command& top) {
  std::vector<const command*> all;
  collect(top, all);
  return all;
}

}  // namespace sluice::tool
