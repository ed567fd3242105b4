// SPDX-License-Identifier: Apache-2.0
#include "core/record_meter.hpp"

#include <algorithm>

namespace sluice::inline v0::internal {

namespace {

constexpr auto type_alert = std::byte{21};

}  // namespace

void record_meter::saw(std::span<const std::byte> bytes) noexcept {
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    if (left_ == 0) {
      header_[header_size_++] = bytes.front();
      bytes = bytes.subspan(1);
      take_header();
      continue;
    }
    const auto some = std::min(left_, bytes.size());
    left_ -= some;
    if (left_ == 0 && is_alert_) alert_ = std::to_integer<std::uint8_t>(bytes[some - 1]);
    bytes = bytes.subspan(some);
  }
}

// Five bytes, or two where a client's first record has the form of SSL 2.0 (RFC 5246 Appendix E.2).
void record_meter::take_header() noexcept {
  const auto at = [this](std::size_t i) { return std::to_integer<std::size_t>(header_[i]); };
  const bool is_ssl2 = records_ == 0 && (at(0) & 0x80) != 0;
  if (header_size_ < (is_ssl2 ? 2u : header_.size())) return;
  left_ = is_ssl2 ? (at(0) & 0x7f) << 8 | at(1) : at(3) << 8 | at(4);
  is_alert_ = !is_ssl2 && header_[0] == type_alert && left_ == 2;  // a longer one is enciphered
  header_size_ = 0;
  ++records_;
}

}  // namespace sluice::inline v0::internal
