// SPDX-License-Identifier: Apache-2.0
#include "sluice/printable.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice {
inline namespace v0 {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

struct character {
  std::size_t size = 1;  // in bytes
  char32_t point = 0;
  bool is_valid = false;
};

constexpr bool is_continuation(unsigned char c) { return (c & 0xc0) == 0x80; }

// The character at the beginning of a text that is not empty (RFC 3629 §4: no long forms, no surrogates).
character first_of(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = at(0);
  if (lead < 0x80) return {1, lead, true};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  auto point = static_cast<char32_t>(lead & (0x7fU >> size));
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(at(i))) return {};
    point = (point << 6) | (at(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
  if (point < least[size] || point > 0x10ffff || is_surrogate) return {};
  return {size, point, true};
}

struct range {
  char32_t first, last;
};

// Beyond ASCII: C1 (ISO 6429), what Unicode's bidirectional algorithm reads (UAX #9 §2), separators, and characters
// without any shape. Joiners (U+200C, U+200D) stay: languages and emoji need them.
constexpr std::array escaped_points = {range{0x80, 0x9f},     range{0xad, 0xad},      range{0x61c, 0x61c},
                                       range{0x180e, 0x180e}, range{0x200b, 0x200b},  range{0x200e, 0x200f},
                                       range{0x2028, 0x202e}, range{0x2060, 0x206f},  range{0xfeff, 0xfeff},
                                       range{0xfff9, 0xfffb}, range{0xe0000, 0xe007f}};

bool is_shown(char32_t point) {
  if (point < 0x80) return point >= 0x20 && point != 0x7f;
  return std::ranges::none_of(escaped_points, [point](range r) { return point >= r.first && point <= r.last; });
}

void append_byte(std::string& to, char byte) {
  const auto value = static_cast<unsigned char>(byte);
  to += "\\x";
  to += digits[value >> 4];
  to += digits[value & 15];
}

void append_point(std::string& to, char32_t point) {
  if (point < 0x80) return append_byte(to, static_cast<char>(point));
  to += point > 0xffff ? "\\U" : "\\u";
  for (int shift = point > 0xffff ? 28 : 12; shift >= 0; shift -= 4) to += digits[(point >> shift) & 15];
}

// Byte by byte where it is not UTF-8, so that a broken character cannot swallow the valid one that follows it.
template <class Test>
std::string escaped(std::string_view text, Test stays) {
  std::string made;
  made.reserve(text.size());
  while (!text.empty()) {
    const auto one = first_of(text);
    if (!one.is_valid) {
      append_byte(made, text.front());
    } else if (stays(one.point)) {
      made += text.substr(0, one.size);
    } else {
      append_point(made, one.point);
    }
    text.remove_prefix(one.size);
  }
  return made;
}

}  // namespace

std::string printable(std::string_view text) { return escaped(text, is_shown); }

std::string valid_utf8(std::string_view text) {
  return escaped(text, [](char32_t) { return true; });
}

}  // namespace v0
}  // namespace sluice
