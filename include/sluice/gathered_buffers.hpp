// SPDX-License-Identifier: Apache-2.0
// The buffers of one write in the form that s2n takes, so that they are gathered once on their way to it.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstddef>
#include <span>

namespace sluice {
inline namespace v0 {
namespace detail {

// The first buffers that are not empty, as far as one write encrypts them. It refers to the bytes and does not copy
// them.
class gathered_buffers {
 public:
  static constexpr std::size_t max_buffers = 16;
  static constexpr std::size_t max_bytes = 128 * 1024;

  bool is_full() const noexcept { return count_ == max_buffers || room_ == 0; }
  // Must not be called when is_full(). A size above SSIZE_MAX, which no real buffer has, is kept for the connection to
  // reject.
  void add(const void* data, std::size_t size) noexcept {
    if (size == 0) return;
    const bool is_impossible = size > static_cast<std::size_t>(SSIZE_MAX);
    parts_[count_++] = {const_cast<void*>(data), is_impossible ? size : std::min(size, room_)};
    room_ -= std::min(size, room_);
  }
  std::span<const ::iovec> parts() const noexcept { return std::span(parts_).first(count_); }

 private:
  std::array<::iovec, max_buffers> parts_;
  std::size_t count_ = 0;
  std::size_t room_ = max_bytes;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
