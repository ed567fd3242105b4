// SPDX-License-Identifier: Apache-2.0
// A traffic secret of TLS 1.3 (RFC 8446 §7.1), without an allocation.
#pragma once

#include "core/base/wipe.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice {
inline namespace v0 {
namespace internal {

// The stages of a connection that have secrets, in their order.
enum class secret_stage : std::uint8_t { early, handshake, application };

// As long as the hash of its cipher suite; empty where there is none. It can be copied, and wipes itself.
class traffic_secret {
 public:
  static constexpr std::size_t max_size = 64;

  traffic_secret() noexcept = default;
  explicit traffic_secret(std::span<const std::byte> bytes) noexcept : size_(std::min(bytes.size(), max_size)) {
    std::ranges::copy(bytes.first(size_), bytes_.begin());
  }
  traffic_secret(const traffic_secret&) noexcept = default;
  traffic_secret& operator=(const traffic_secret&) noexcept = default;
  ~traffic_secret() { wipe(bytes_); }

  std::span<const std::byte> bytes() const noexcept { return std::span(bytes_).first(size_); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

 private:
  std::array<std::byte, max_size> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
