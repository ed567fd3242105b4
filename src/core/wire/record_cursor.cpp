// SPDX-License-Identifier: Apache-2.0
#include "core/wire/record_cursor.hpp"

#include <algorithm>

namespace sluice::inline v0::internal {

record_cursor::part record_cursor::take(std::span<const std::byte>& bytes) noexcept {
  const auto cut = [&bytes](std::size_t size) {
    const auto some = bytes.first(size);
    bytes = bytes.subspan(size);
    return some;
  };
  if (left_ > 0) {
    const auto body = cut(std::min(left_, bytes.size()));
    left_ -= body.size();
    return {.bytes = body, .is_body = true, .ends = left_ == 0};
  }
  if (header_size_ == 0) header_[0] = bytes.front();
  // Five bytes, or two where a client's first record has the form of SSL 2.0 (RFC 5246 Appendix E.2).
  const std::size_t whole = is_ssl2() ? 2 : header_.size();
  const auto some = cut(std::min(whole - header_size_, bytes.size()));
  std::ranges::copy(some, header_.begin() + header_size_);
  header_size_ = static_cast<std::uint8_t>(header_size_ + some.size());
  if (header_size_ < whole) return {.bytes = some};
  const auto at = [this](std::size_t i) { return std::to_integer<std::size_t>(header_[i]); };
  size_ = is_ssl2() ? (at(0) & 0x7f) << 8 | at(1) : at(3) << 8 | at(4);
  left_ = size_;
  header_size_ = 0;
  ++records_;
  return {.bytes = some, .begins = true, .ends = left_ == 0};
}

}  // namespace sluice::inline v0::internal
