// SPDX-License-Identifier: Apache-2.0
#include "terminal/table.hpp"

#include <algorithm>
#include <numeric>

namespace sluice::tool {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t narrowest = 6;

}  // namespace

std::vector<std::size_t> table::widths(const screen& to, std::size_t indent) const {
  std::vector<std::size_t> wide;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    auto most = columns(columns_[i].head);
    for (const auto& row : rows_) most = std::max(most, i < row.size() ? columns(row[i].text) : 0);
    wide.push_back(most);
  }
  const auto total = [&] { return std::accumulate(wide.begin(), wide.end(), indent + gap * (wide.size() - 1)); };
  while (total() > to.width()) {
    const auto widest = std::ranges::max_element(wide);
    if (*widest <= narrowest) break;
    --*widest;
  }
  return wide;
}

void table::print(const screen& to, std::size_t indent) const {
  const auto wide = widths(to, indent);
  const auto print_row = [&](const std::vector<cell>& row) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto text = fit(row[i].text, wide[i], to.has_symbols());
      const std::string pad(wide[i] - std::min(wide[i], columns(text)), ' ');
      const bool is_right = columns_[i].alignment == side::right;
      const bool is_last = i + 1 == row.size();
      line += (is_right ? pad : "") + to.paint(row[i].meaning, text) + (is_right || is_last ? "" : pad);
      if (!is_last) line += std::string(gap, ' ');
    }
    line.resize(line.find_last_not_of(' ') + 1);  // an empty cell at the end
    to.line(line);
  };
  if (std::ranges::any_of(columns_, [](const column& c) { return !c.head.empty(); })) {
    std::vector<cell> head;
    head.reserve(columns_.size());
    for (const auto& c : columns_) head.emplace_back(c.head, tone::quiet);
    print_row(head);
  }
  for (const auto& row : rows_) print_row(row);
}

}  // namespace sluice::tool
