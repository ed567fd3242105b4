// SPDX-License-Identifier: Apache-2.0
#include "core/wire/record_meter.hpp"

namespace sluice::inline v0::internal {

void record_meter::saw(std::span<const std::byte> bytes) noexcept {
  constexpr std::uint8_t alert_record = 21;
  constexpr std::size_t plain_size = 2;  // a longer one is enciphered
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const auto part = cursor_.take(bytes);
    const bool is_alert = cursor_.type() == alert_record && cursor_.size() == plain_size;
    if (part.is_body && part.ends && is_alert) alert_ = std::to_integer<std::uint8_t>(part.bytes.back());
  }
}

}  // namespace sluice::inline v0::internal
