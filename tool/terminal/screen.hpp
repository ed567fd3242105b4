// SPDX-License-Identifier: Apache-2.0
// Where text goes, and what it may look like there: colour by meaning, symbols, width.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

namespace sluice::tool {

// What a piece of text means; how that looks is the screen's business.
enum class tone { plain, good, bad, warning, quiet, strong };

// Standard output, or where a screen is, cannot be written.
class output_error : public std::system_error {
 public:
  explicit output_error(int number) : system_error(number, std::generic_category(), "output cannot be written") {}
};

// Colour only on a terminal, and not with NO_COLOR or TERM=dumb. Symbols beyond ASCII unless the locale names another
// character set than UTF-8.
class screen {
 public:
  explicit screen(std::FILE* to);

  bool is_terminal() const noexcept { return is_terminal_; }
  bool has_symbols() const noexcept { return has_symbols_; }
  std::size_t width() const noexcept { return width_; }  // in columns; the largest number when not a terminal

  // The text is one piece of a line, and is made printable.
  std::string paint(tone meaning, std::string_view text) const;
  std::string_view tick() const noexcept { return has_symbols_ ? "✓" : "OK:"; }
  std::string_view cross() const noexcept { return has_symbols_ ? "✗" : "FAILED:"; }
  std::string verdict(bool is_good) const { return is_good ? paint(tone::good, tick()) : paint(tone::bad, cross()); }

  // One line, with its end. Whatever is in it, it stays one: control characters that paint() did not put there and the
  // rest of what sluice::printable() escapes are shown, not sent.
  void line(std::string_view text = {}) const;
  // Lines of our own: help, PEM. They are not cut at the terminal's width.
  void lines(std::string_view text) const;
  // What is waiting in the buffer goes out now.
  void flush() const;

 private:
  void write(const std::string& whole) const;

  std::FILE* to_;
  bool is_terminal_;
  bool has_colour_;
  bool has_symbols_;
  std::size_t width_;
};

// How many columns a text takes: its code points. Enough for what we show: names, numbers, box characters.
std::size_t columns(std::string_view text) noexcept;
// Cut to that many columns, the last of them an ellipsis where something was lost.
std::string fit(std::string_view text, std::size_t most, bool has_symbols);

}  // namespace sluice::tool
