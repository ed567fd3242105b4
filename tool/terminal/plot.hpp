// SPDX-License-Identifier: Apache-2.0
// Bars drawn with text.
#pragma once

#include "terminal/screen.hpp"

#include <string>
#include <vector>

namespace sluice::tool {

struct bar {
  std::string label;
  double value = 0;
  std::string text;  // the value, as it is to be read
  tone meaning = tone::plain;
};

// One line a bar, the longest (or `full`, when that is more) across what the screen leaves, at most 60 columns.
void print_bars(const screen& to, const std::vector<bar>& bars, double full = 0);

// "   ████▌": a bar of `value` on a scale where `full` takes `width` columns; never empty for a value above 0.
std::string draw_bar(double value, double full, std::size_t width, bool has_symbols);

}  // namespace sluice::tool
