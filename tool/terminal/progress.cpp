// SPDX-License-Identifier: Apache-2.0
#include "terminal/progress.hpp"

#include "sluice/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace sluice::tool {
namespace {

constexpr auto to_start_and_clear = "\r\033[K";

bool can_go_back() {
  const char* terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

progress_line::progress_line() : is_shown_(to_.is_terminal() && can_go_back()) {}

progress_line::~progress_line() {
  if (is_shown_) std::fputs(to_start_and_clear, stderr);
}

void progress_line::say(std::string_view text) const {
  if (!is_shown_) return;
  const auto room = std::max<std::size_t>(to_.width(), 2) - 1;
  fmt::print(stderr, "{}{}", to_start_and_clear, to_.paint(tone::quiet, fit(printable(text), room, to_.has_symbols())));
  std::fflush(stderr);
}

}  // namespace sluice::tool
