// SPDX-License-Identifier: Apache-2.0
// Names that are the same in upper and lower case: of hosts and of policies, which are ASCII, whatever the locale is.
#pragma once

#include <algorithm>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
