// SPDX-License-Identifier: Apache-2.0
#include "core/wire/alert_reader.hpp"

#include "core/base/would_block.hpp"
#include "core/wire/framer.hpp"
#include "core/wire/numbers.hpp"
#include "core/wire/record_opener.hpp"

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using namespace wire;

constexpr std::size_t max_ahead = 64 * 1024;

// Warnings of TLS 1.2 end nothing, and what follows user_canceled in TLS 1.3 does (RFC 8446 §6.1).
std::optional<std::uint8_t> ending(std::span<const std::uint8_t> alert, bool is_tls13) {
  if (alert.size() != 2) return std::nullopt;
  if (is_tls13 ? alert[1] == user_canceled : alert[0] == warning && alert[1] != close_notify) return std::nullopt;
  return alert[1];
}

}  // namespace

void alert_reader::look(transport& io) {
  // Bounded, because the peer may send as much as it likes while the key takes its time; the rest stays with the
  // transport, as backpressure.
  while (!has_ended_ && !error_ && bytes_.size() < max_ahead) {
    std::array<std::byte, 4096> some;
    error_code ec;
    const auto n = io.read(std::span(some).first(std::min(some.size(), max_ahead - bytes_.size())), ec);
    bytes_.insert(bytes_.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
    if (n > 0) continue;
    if (is_would_block(ec)) return;
    has_ended_ = !ec;
    error_ = ec;
  }
}

std::optional<std::uint8_t> alert_reader::find(std::uint16_t cipher, bool is_tls13,
                                               const traffic_secret& traffic) const {
  auto opener = is_tls13 ? record_opener::make(cipher, traffic) : std::nullopt;
  auto arrived = std::span(bytes_).subspan(gone_);
  for (frame_collector records(framer::frame::record); records.take(arrived);) {
    const auto type = records.current().type();
    if (type == record_alert) {
      if (const auto found = ending(records.body(), is_tls13)) return found;
    }
    if (type != record_application_data || !opener) continue;
    const auto opened = opener->open(records.header(), records.body());
    // The numbers are out of step from here on, or it is under another key: nothing behind it can be opened either.
    if (!opened) break;
    if (opened->type != record_alert) continue;
    if (const auto found = ending(opened->plain, is_tls13)) return found;
  }
  return std::nullopt;
}

std::size_t alert_reader::read(transport& io, std::span<std::byte> into, error_code& ec) noexcept {
  const auto n = std::min(into.size(), bytes_.size() - gone_);
  if (n == 0 && !has_ended_ && !error_) return io.read(into, ec);
  ec = n == 0 ? error_ : error_code();
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(gone_), n, into.begin());
  gone_ += n;
  if (gone_ == bytes_.size()) {
    bytes_ = {};
    gone_ = 0;
  }
  return n;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
