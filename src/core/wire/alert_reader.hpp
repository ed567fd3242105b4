// SPDX-License-Identifier: Apache-2.0
// Looks for the peer's alert in what has arrived while s2n waits for a private key and reads nothing (P5).
#pragma once

#include "core/wire/traffic_secret.hpp"
#include "sluice/error.hpp"
#include "sluice/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// What was read ahead of s2n, which gets it first when it reads again; and how the input ended.
// `bytes_` from `gone_` on have been read and not given to s2n. While there are any, read() touches the transport no
// more; the end or the error that look() met is reported after them, so that s2n sees the input as it would have been.
// Nothing is taken out by find(): s2n gets all of them when it reads again.
class alert_reader {
 public:
  void forget() noexcept { *this = alert_reader(); }

  // Reads what is there, at most 64 KiB in all.
  void look(transport& io);
  // There is something that s2n has not seen: bytes, the end, or an error.
  bool has_kept() const noexcept { return !bytes_.empty() || has_ended_ || error_; }
  // The alert that ends the connection, if it is among what was read. `cipher` is the suite's code, `is_tls13` whether
  // anything may be sealed yet: below TLS 1.3 a peer that waits for our signature has no keys. `traffic` is the secret
  // under which the alert would come then.
  std::optional<std::uint8_t> find(std::uint16_t cipher, bool is_tls13, const traffic_secret& traffic) const;

  // As transport::read(), what was read ahead first.
  std::size_t read(transport& io, std::span<std::byte> into, error_code& ec) noexcept;

 private:
  std::vector<std::byte> bytes_;
  std::size_t gone_ = 0;
  bool has_ended_ = false;
  error_code error_;
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
