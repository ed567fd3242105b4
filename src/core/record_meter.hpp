// SPDX-License-Identifier: Apache-2.0
// Counts the TLS records that go by, in pieces of any size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sluice::inline v0::internal {

// One direction. A record counts once its header (RFC 8446 §5.1) has been seen. Bytes that are not TLS make no sense
// to it and no harm.
class record_meter {
 public:
  void saw(std::span<const std::byte> bytes) noexcept;

  std::uint64_t records() const noexcept { return records_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  // The last alert that was not enciphered.
  std::optional<std::uint8_t> alert() const noexcept { return alert_; }

 private:
  void take_header() noexcept;

  std::uint64_t bytes_ = 0;
  std::uint64_t records_ = 0;
  std::size_t left_ = 0;  // of the record's body
  std::array<std::byte, 5> header_{};
  std::uint8_t header_size_ = 0;
  bool is_alert_ = false;
  std::optional<std::uint8_t> alert_;
};

}  // namespace sluice::inline v0::internal
