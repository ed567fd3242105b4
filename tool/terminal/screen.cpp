// SPDX-License-Identifier: Apache-2.0
#include "terminal/screen.hpp"

#include "terminal/output.hpp"

#include "sluice/printable.hpp"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <system_error>

namespace sluice::tool {
namespace {

// Standard output is the tool's own (output.hpp), from when a module is loaded.
std::FILE* target(std::FILE* to) noexcept { return to == stdout ? standard_output() : to; }

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// POSIX: the first of these that is set and not empty names the character set. Where none does, it is not known,
// and nearly every terminal takes UTF-8.
bool locale_is_utf8() {
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const auto value = variable(name);
    if (value.empty()) continue;
    std::string lower(value);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower.find("utf-8") != lower.npos || lower.find("utf8") != lower.npos;
  }
  return true;
}

std::size_t terminal_width(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const auto given = variable("COLUMNS");
  std::size_t columns = 0;
  std::from_chars(given.data(), given.data() + given.size(), columns);
  return columns > 0 ? columns : 80;
}

constexpr std::string_view end_of_colour = "\033[0m";

std::string_view escape(tone meaning) {
  switch (meaning) {
    case tone::plain: return "";
    case tone::good: return "\033[32m";
    case tone::bad: return "\033[1;31m";
    case tone::warning: return "\033[33m";
    case tone::quiet: return "\033[2m";
    case tone::strong: return "\033[1m";
  }
  return "";
}

// What our own sentences have beyond ASCII. Names of others stay as they are.
std::string in_ascii(std::string_view text) {
  struct fallback {
    std::string_view symbol, letters;
  };
  constexpr std::array all = {fallback{"…", "..."}, fallback{"µ", "u"}, fallback{"§", "section "},
                              fallback{"→", "->"},  fallback{"–", "-"}, fallback{"’", "'"}};
  std::string made(text);
  for (const auto& [symbol, letters] : all) {
    for (auto at = made.find(symbol); at != made.npos; at = made.find(symbol, at + letters.size()))
      made.replace(at, symbol.size(), letters);
  }
  return made;
}

// The colour at the beginning of a text, if it is one of ours.
std::string_view colour_at(std::string_view text) {
  if (text.starts_with(end_of_colour)) return end_of_colour;
  for (const auto meaning : std::array{tone::good, tone::bad, tone::warning, tone::quiet, tone::strong})
    if (text.starts_with(escape(meaning))) return escape(meaning);
  return {};
}

// Our colours stay, everything else is printable.
std::string shown(std::string_view text, bool has_colour) {
  if (!has_colour) return printable(text);
  std::string made;
  while (!text.empty()) {
    auto next = text.find('\033', 1);
    if (next == text.npos) next = text.size();
    const auto colour = colour_at(text);
    made += colour;
    made += printable(text.substr(colour.size(), next - colour.size()));
    text.remove_prefix(next);
  }
  return made;
}

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

screen::screen(std::FILE* to)
    : to_(to),
      is_terminal_(::isatty(::fileno(target(to))) == 1),
      has_colour_(is_terminal_ && variable("NO_COLOR").empty() && variable("TERM") != "dumb"),
      has_symbols_(locale_is_utf8()),
      width_(is_terminal_ ? terminal_width(::fileno(target(to))) : std::numeric_limits<std::size_t>::max()) {}

std::string screen::paint(tone meaning, std::string_view text) const {
  if (!has_colour_ || meaning == tone::plain || text.empty()) return printable(text);
  return fmt::format("{}{}{}", escape(meaning), printable(text), end_of_colour);
}

void screen::line(std::string_view text) const {
  const auto made = shown(text, has_colour_);
  write((has_symbols_ ? made : in_ascii(made)) + "\n");
}

void screen::lines(std::string_view text) const {
  while (text.ends_with('\n')) text.remove_suffix(1);
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    line(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  line(text);
}

void screen::write(const std::string& whole) const {
  errno = 0;
  const bool is_written = std::fwrite(whole.data(), 1, whole.size(), target(to_)) == whole.size();
  // A reader that closed its end of the pipe is not an error of ours.
  if (!is_written && errno != EPIPE) throw output_error(errno);
}

void screen::flush() const { std::fflush(target(to_)); }

std::size_t columns(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return !is_continuation(c); }));
}

std::string fit(std::string_view text, std::size_t most, bool has_symbols) {
  if (columns(text) <= most) return std::string(text);
  const std::string_view mark = has_symbols ? "…" : "~";
  std::size_t kept = 0;
  std::size_t end = 0;
  while (end < text.size() && kept + 1 < most) {
    do ++end;
    while (end < text.size() && is_continuation(text[end]));
    ++kept;
  }
  return std::string(text.substr(0, end)) + (most > 0 ? std::string(mark) : "");
}

}  // namespace sluice::tool
