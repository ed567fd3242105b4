// SPDX-License-Identifier: Apache-2.0
// One line on a terminal's stderr that shows progress and is erased at the end.
#pragma once

#include "terminal/screen.hpp"

#include <string_view>

namespace sluice::tool {

// Says nothing where stderr is not a terminal that can go back in a line. Gone when destroyed.
class progress_line {
 public:
  progress_line();
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  ~progress_line();

  void say(std::string_view text) const;  // replaces the previous text

 private:
  const screen to_{stderr};
  const bool is_shown_;
};

}  // namespace sluice::tool
