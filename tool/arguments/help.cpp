// SPDX-License-Identifier: Apache-2.0
#include "arguments/help.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace sluice::tool {
namespace {

constexpr std::size_t indent = 2;
constexpr std::size_t gap = 2;
constexpr std::size_t least = 24;  // columns of text, or it goes below its name

struct entry {
  std::string name, about;
};

std::string usage(const command& one) {
  auto text = "Usage: " + one.joined(' ') + " [OPTIONS]";
  if (!one.below.empty()) text += " VERB";
  for (const auto& p : one.options)
    if (p.is_required) text += fmt::format(" {} {}", p.names.back(), p.value);
  for (const auto& p : one.arguments) {
    const auto word = p.value + (p.may_repeat ? "..." : "");
    text += p.is_required ? " " + word : " [" + word + "]";
  }
  return text + "\n";
}

entry describe(const parameter& p) {
  entry made{.name = fmt::format("{}", fmt::join(p.names, ", ")), .about = p.about};
  if (p.names.empty()) made.name = p.value;
  if (!p.names.empty() && !p.value.empty()) made.name += " " + p.value;
  if (!p.default_value.empty()) made.about += fmt::format(" (default {})", p.default_value);
  return made;
}

std::string wrapped(const std::string& text, std::size_t from, std::size_t width) {
  std::string made;
  std::size_t at = from;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto size = columns(word);
    if (at > from && at + 1 + size > width) {
      made += "\n" + std::string(from, ' ');
      at = from;
    } else if (at > from) {
      made += ' ';
      ++at;
    }
    made += word;
    at += size;
  }
  return made + "\n";
}

std::size_t longest_word(const std::string& text) {
  std::size_t longest = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) longest = std::max(longest, columns(word));
  return longest;
}

std::string section(const std::string& title, const std::vector<entry>& all, const screen& to) {
  if (all.empty()) return {};
  std::size_t widest = 0, longest = 0;
  for (const auto& e : all) {
    widest = std::max(widest, columns(e.name));
    longest = std::max(longest, longest_word(e.about));
  }
  const auto most = std::max(to.width() / 2, least);
  const auto room = to.width() > longest + indent + gap ? to.width() - longest : indent + gap;  // no word sticks out
  const auto from = std::min(indent + std::min(widest, most) + gap, room);
  auto text = "\n" + to.paint(tone::strong, title + ":") + "\n";
  for (const auto& e : all) {
    text += std::string(indent, ' ') + e.name;
    const auto size = indent + columns(e.name);
    text += size + gap > from ? "\n" + std::string(from, ' ') : std::string(from - size, ' ');
    text += wrapped(e.about, from, to.width());
  }
  return text;
}

}  // namespace

std::string help_text(const command& one, const screen& to, const std::string& more) {
  std::vector<entry> arguments, options, verbs;
  for (const auto& p : one.arguments) arguments.push_back(describe(p));
  for (const auto& p : one.options) options.push_back(describe(p));
  for (const auto& below : one.below) verbs.push_back({below.name(), below.about});
  auto text = wrapped(one.about, 0, to.width()) + usage(one);
  text += section("Verbs", verbs, to) + section("Arguments", arguments, to) + section("Options", options, to);
  if (!one.examples.empty()) {
    text += "\n" + to.paint(tone::strong, "Example:") + "\n";
    std::istringstream lines(one.examples);
    for (std::string line; std::getline(lines, line);) text += std::string(indent, ' ') + line + "\n";
  }
  return more.empty() ? text : text + "\n" + more + "\n";
}

}  // namespace sluice::tool
