// SPDX-License-Identifier: Apache-2.0
// A table that fits the screen.
#pragma once

#include "terminal/screen.hpp"

#include "sluice/printable.hpp"

#include <string>
#include <vector>

namespace sluice::tool {

struct cell {
  cell(std::string_view t, tone m = tone::plain) : text(printable(t)), meaning(m) {}
  cell(const std::string& t) : cell(std::string_view(t)) {}
  cell(const char* t) : cell(std::string_view(t)) {}
  std::string text;
  tone meaning;
};

class table {
 public:
  enum class side { left, right };
  struct column {
    std::string head;
    side alignment = side::left;
  };

  explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<cell> row) { rows_.push_back(std::move(row)); }

  // Columns as wide as their text; where that is too much for the screen, the widest gives way.
  void print(const screen& to, std::size_t indent = 2) const;

 private:
  std::vector<std::size_t> widths(const screen& to, std::size_t indent) const;
  std::vector<column> columns_;
  std::vector<std::vector<cell>> rows_;
};

}  // namespace sluice::tool
