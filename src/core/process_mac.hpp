// SPDX-License-Identifier: Apache-2.0
// For comparing secrets without keeping them: HMAC-SHA-256 with a key that this process drew by lot.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

// Of `secret` in its `context`. Differs from process to process.
std::array<std::uint8_t, 32> process_mac(std::string_view context, std::string_view secret);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
