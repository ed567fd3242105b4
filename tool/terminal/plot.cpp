// SPDX-License-Identifier: Apache-2.0
#include "terminal/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::tool {

std::string draw_bar(double value, double full, std::size_t width, bool has_symbols) {
  static constexpr std::array<const char*, 8> eighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (value <= 0 || full <= 0) return {};
  const auto share = std::min(1.0, value / full) * static_cast<double>(width);
  if (!has_symbols) return std::string(std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share))), '#');
  const auto units = std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * 8)));
  std::string drawn;
  for (std::size_t i = 0; i < units / 8; ++i) drawn += "█";
  return drawn + eighths[units % 8];
}

void print_bars(const screen& to, const std::vector<bar>& bars, double full) {
  std::size_t label = 0;
  std::size_t text = 0;
  for (const auto& b : bars) {
    label = std::max(label, columns(b.label));
    text = std::max(text, columns(b.text));
    full = std::max(full, b.value);
  }
  const auto taken = label + text + 6;
  const auto width = std::min<std::size_t>(60, to.width() > taken + 10 ? to.width() - taken : 10);
  for (const auto& b : bars) {
    const std::string after_label(label - columns(b.label), ' ');
    const std::string before_text(text - columns(b.text), ' ');
    to.line("  " + b.label + after_label + "  " + before_text + b.text + "  " +
            to.paint(b.meaning, draw_bar(b.value, full, width, to.has_symbols())));
  }
}

}  // namespace sluice::tool
