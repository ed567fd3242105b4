// SPDX-License-Identifier: Apache-2.0
// Finds the TLS records in bytes that arrive in pieces of any size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::inline v0::internal {

// One direction. It looks at headers only (RFC 8446 §5.1); bytes that are not TLS make no sense to it and no harm.
class record_cursor {
 public:
  struct part {
    std::span<const std::byte> bytes;
    bool is_body = false;  // else it belongs to a header
    bool begins = false;   // with it the header is whole: type() and size() are the new record's
    bool ends = false;     // with it the record is whole
  };
  // Takes from the front of `bytes`, which is not empty: at most up to the end of a header, or of a body.
  part take(std::span<const std::byte>& bytes) noexcept;

  // Of the record under way, or else of the last one. A type is known from its first byte on.
  std::uint8_t type() const noexcept { return std::to_integer<std::uint8_t>(header_[0]); }
  std::size_t size() const noexcept { return size_; }

  std::uint64_t records() const noexcept { return records_; }  // whose header is whole
  bool is_between() const noexcept { return header_size_ == 0 && left_ == 0; }
  // So many bytes complete the header or the body under way; those of the next header when there is none.
  std::size_t wanted() const noexcept { return left_ > 0 ? left_ : header_.size() - header_size_; }

 private:
  bool is_ssl2() const noexcept { return records_ == 0 && (header_[0] & std::byte{0x80}) != std::byte{0}; }

  std::uint64_t records_ = 0;
  std::size_t size_ = 0;
  std::size_t left_ = 0;
  std::array<std::byte, 5> header_{};
  std::uint8_t header_size_ = 0;
};

}  // namespace sluice::inline v0::internal
