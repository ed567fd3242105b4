// SPDX-License-Identifier: Apache-2.0
#include "core/wire/framer.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {

framer::part framer::take(std::span<const std::byte>& bytes) noexcept {
  const auto cut = [&bytes](std::size_t size) {
    const auto some = bytes.first(size);
    bytes = bytes.subspan(size);
    return some;
  };
  // A body is cut but not copied: a record is 16 KiB, and most users only count.
  if (left_ > 0) {
    const auto body = cut(std::min(left_, bytes.size()));
    left_ -= body.size();
    return {.bytes = body, .is_body = true, .ends = left_ == 0};
  }
  // The first byte decides whether this is an SSL 2.0 hello, so it is stored before the size of the header is known.
  if (have_ == 0) {
    header_[0] = bytes.front();
    size_ = 0;
  }
  const std::size_t whole = is_ssl2() ? 2 : header_size();
  const auto some = cut(std::min(whole - have_, bytes.size()));
  std::ranges::copy(some, header_.begin() + have_);
  have_ = static_cast<std::uint8_t>(have_ + some.size());
  if (have_ < whole) return {.bytes = some};
  const auto at = [this](std::size_t i) { return std::to_integer<std::size_t>(header_[i]); };
  if (is_ssl2()) {
    size_ = (at(0) & 0x7f) << 8 | at(1);
  } else {
    size_ = what_ == frame::record ? at(3) << 8 | at(4) : at(1) << 16 | at(2) << 8 | at(3);
  }
  left_ = size_;
  have_ = 0;
  ++count_;
  return {.bytes = some, .begins = true, .ends = left_ == 0};
}

bool frame_collector::take(std::span<const std::byte>& bytes) {
  if (framer_.is_between()) frame_.clear();
  while (!bytes.empty()) {
    // Taken on a copy, which is small: if keeping the bytes throws, neither the frame nor the position has moved.
    auto next = framer_;
    auto rest = bytes;
    const auto part = next.take(rest);
    const auto* data = reinterpret_cast<const std::uint8_t*>(part.bytes.data());
    frame_.insert(frame_.end(), data, data + part.bytes.size());
    framer_ = next;  // nothing is taken where there is no memory to keep it
    bytes = rest;
    if (part.begins) header_size_ = frame_.size();
    if (part.ends) return true;
  }
  return false;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
