// SPDX-License-Identifier: Apache-2.0
// Counts the TLS records that go by, in pieces of any size.
#pragma once

#include "core/wire/framer.hpp"

#include <optional>

namespace sluice {
inline namespace v0 {
namespace internal {

// One direction. A record counts once its header has been seen.
// It decides nothing, keeps nothing and never fails: it runs on every byte of every connection.
class record_meter {
 public:
  void saw(std::span<const std::byte> bytes) noexcept;

  std::uint64_t records() const noexcept { return framer_.count(); }
  std::uint64_t bytes() const noexcept { return bytes_; }
  // The last alert that was not enciphered.
  std::optional<std::uint8_t> alert() const noexcept { return alert_; }

 private:
  framer framer_{framer::frame::record};
  std::uint64_t bytes_ = 0;
  std::optional<std::uint8_t> alert_;
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
