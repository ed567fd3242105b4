// SPDX-License-Identifier: Apache-2.0
#include "arguments/definition.hpp"

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

std::vector<const command*> all_of(const command& top) {
  std::vector<const command*> all;
  collect(top, all);
  return all;
}

}  // namespace sluice::tool
