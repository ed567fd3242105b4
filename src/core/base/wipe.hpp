// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <ranges>

namespace sluice {
inline namespace v0 {
namespace internal {

// Memory that held a secret, as text or bytes. It may be empty, when it has no address that could be written to.
template <std::ranges::contiguous_range Memory>
void wipe(Memory& memory) noexcept {
  if (std::ranges::size(memory) == 0) return;
  ::explicit_bzero(std::ranges::data(memory), std::ranges::size(memory) * sizeof(*std::ranges::data(memory)));
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
