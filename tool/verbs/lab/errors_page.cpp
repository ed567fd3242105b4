// SPDX-License-Identifier: Apache-2.0
#include "verbs/lab/errors_page.hpp"

#include <fmt/format.h>

namespace sluice::tool::lab {
namespace {

constexpr auto head =
    "# What goes wrong, and what to do\n"
    "\n"
    "Made by `sluice lab run --markdown`, which goes to a peer of each kind on this machine; the tests make it again. "
    "The\n"
    "code is an `sluice::errc`, and `error.code` in the tool's JSON. Dates and lengths of time are those of one run.\n";

// A bar would begin another cell.
std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '|') made += '\\';
    made += c;
  }
  return made;
}

}  // namespace

void errors_page::add(const lab_case& one, const verdict& v) {
  if (!one.expect || v.is == verdict::state::unavailable) return;
  if (one.group != group_) {
    group_ = one.group;
    rows_ += fmt::format("\n## {}{}\n\n| case | the peer | code | what Sluice reports |\n|---|---|---|---|\n",
                         static_cast<char>(group_.front() - 'a' + 'A'), group_.substr(1));
  }
  const auto about = one.note.empty() ? one.about : fmt::format("{} ({})", one.about, one.note);
  rows_ += fmt::format("| `{}` | {} | `{}` | {} |\n", one.name, escaped(about), v.got, escaped(v.message));
}

std::string errors_page::text() const { return head + rows_; }

}  // namespace sluice::tool::lab
