// SPDX-License-Identifier: Apache-2.0
#include "core/wire/alert_writer.hpp"

#include "core/wire/numbers.hpp"
#include "core/wire/record_opener.hpp"

#include <sys/uio.h>

// Exported by libs2n but not in its headers: how s2n writes its own alerts. With either missing, or of another shape,
// nothing links.
extern "C" {
int s2n_record_writev(s2n_connection* conn, uint8_t content_type, const ::iovec* in, int in_count, size_t offset,
                      size_t size);
int s2n_flush(s2n_connection* conn, s2n_blocked_status* blocked);
}

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using namespace wire;

bool write_by_engine(s2n_connection* conn, std::span<std::uint8_t> alert) noexcept {
  s2n_blocked_status blocked = S2N_NOT_BLOCKED;
  // What is sealed already leaves first.
  if (s2n_flush(conn, &blocked) != S2N_SUCCESS) return false;
  const ::iovec part{.iov_base = alert.data(), .iov_len = alert.size()};
  return s2n_record_writev(conn, record_alert, &part, 1, 0, alert.size()) == static_cast<int>(alert.size()) &&
         s2n_flush(conn, &blocked) == S2N_SUCCESS;
}

}  // namespace

void alert_writer::has_keys(const traffic_secret& of_client) noexcept {
  if (is_done_) return;
  has_handshake_key_ = true;
  traffic_ = of_client;
}

void alert_writer::sent(std::span<const std::byte> bytes) noexcept {
  if (is_done_) return;
  while (!bytes.empty()) {
    if (!framer_.take(bytes).begins) continue;
    const auto type = framer_.type();
    if (has_changed_cipher_) ++since_change_;
    has_changed_cipher_ = has_changed_cipher_ || type == record_change_cipher_spec;
    if (type != record_application_data) continue;
    ++(has_handshake_key_ ? sealed_ : sealed_before_);
  }
}

void alert_writer::handshake_is_done() noexcept {
  traffic_ = traffic_secret();
  is_done_ = true;
}

alert_writer::way alert_writer::choose(s2n_connection* conn, role side) const noexcept {
  if (is_lost_) return way::none;
  if (is_plain_) return way::plain;
  if (is_done_) return way::by_engine;
  const bool is_tls13 = s2n_connection_get_actual_protocol_version(conn) >= S2N_TLS13;
  // TLS 1.3 before ServerHello, or an earlier version at any time of its handshake: those have no such secret.
  if (!has_handshake_key_) {
    // The peer may be about to take our early data, or to pass over it; we cannot know which key it expects.
    if (sealed_before_ > 0) return way::none;
    // Between ChangeCipherSpec and the first record behind it, s2n may have no key yet.
    return !is_tls13 && has_changed_cipher_ && since_change_ == 0 ? way::none : way::by_engine;
  }
  // A server that has the key but has sealed nothing with it has not sent its ServerHello whole: whether the peer has
  // keys is not known.
  if (side == role::server) return sealed_ + sealed_before_ > 0 ? way::by_engine : way::none;
  if (sealed_before_ > 0) {
    auto status = S2N_EARLY_DATA_STATUS_OK;  // asked for, perhaps accepted, and not yet ended
    if (s2n_connection_get_early_data_status(conn, &status) != S2N_SUCCESS || status == S2N_EARLY_DATA_STATUS_OK) {
      return way::none;
    }
  }
  return sealed_ == 0 ? way::sealed_here : way::by_engine;
}

std::vector<std::uint8_t> alert_writer::write(s2n_connection* conn, role side, std::uint8_t description) const {
  std::array<std::uint8_t, 2> alert = {fatal, description};
  const auto how = choose(conn, side);
  if (how == way::plain) return {record_alert, 3, 3, 0, static_cast<std::uint8_t>(alert.size()), fatal, description};
  if (how == way::by_engine) write_by_engine(conn, alert);
  if (how != way::sealed_here) return {};
  uint8_t first = 0;
  uint8_t second = 0;
  if (s2n_connection_get_cipher_iana_value(conn, &first, &second) != S2N_SUCCESS) return {};
  return seal_first_record(static_cast<std::uint16_t>(first << 8 | second), traffic_, record_alert, alert);
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
