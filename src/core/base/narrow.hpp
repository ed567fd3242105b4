// SPDX-License-Identifier: Apache-2.0
// Widths that C interfaces take, checked.
#pragma once

#include <optional>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace internal {

// The value in the narrower type, or nothing when it does not fit. No conversion into s2n's uint32_t and ssize_t
// happens any other way.
template <class To, class From>
constexpr std::optional<To> narrow(From value) noexcept {
  if (!std::in_range<To>(value)) return std::nullopt;
  return static_cast<To>(value);
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
