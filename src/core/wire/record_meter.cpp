// SPDX-License-Identifier: Apache-2.0
#include "core/wire/record_meter.hpp"

#include "core/wire/numbers.hpp"

namespace sluice {
inline namespace v0 {
namespace internal {

void record_meter::saw(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t plain_size = 2;  // a longer one is enciphered
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const auto part = framer_.take(bytes);
    const bool is_alert = framer_.type() == wire::record_alert && framer_.size() == plain_size;
    if (part.is_body && part.ends && is_alert) alert_ = std::to_integer<std::uint8_t>(part.bytes.back());
  }
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
