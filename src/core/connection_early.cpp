// SPDX-License-Identifier: Apache-2.0
// Early data (0-RTT): a client's leaves with its first message; a server's is kept until the handshake is done.
#include "core/connection_io.hpp"
#include "core/wire/numbers.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace {

constexpr std::size_t record_size = 16384;

s2n_early_data_status_t status_of(s2n_connection* conn) noexcept {
  auto status = S2N_EARLY_DATA_STATUS_NOT_REQUESTED;
  s2n_connection_get_early_data_status(conn, &status);
  return status;
}

}  // namespace

void connection::impl::expect_early_data(std::span<const std::byte> data) {
  if (side == role::client) {
    early.data.assign(data.begin(), data.end());
    return;
  }
  early.is_awaited = shared().max_early_data > 0;
  // A record at a time, until we know what the next ones are.
  if (early.is_awaited) s2n_connection_set_recv_buffering(conn.get(), false);
}

// Once, before the first byte from the server: its answer comes with the handshake. False with s2n_errno set.
bool connection::impl::send_early_data(s2n_blocked_status& blocked) {
  if (side == role::server || early.data.empty()) return true;
  const auto data = std::exchange(early.data, {});
  uint32_t room = 0;  // nothing without a session, or with one of a server that wants none
  if (s2n_connection_get_remaining_early_data_size(conn.get(), &room) != S2N_SUCCESS) return false;
  if (ctx.policy().max < tls_version::tls1_3) room = 0;
  auto rest = std::span(data).first(std::min<std::size_t>(data.size(), room));
  while (!rest.empty()) {
    ssize_t sent = 0;
    const int rc = s2n_send_early_data(conn.get(), reinterpret_cast<const uint8_t*>(rest.data()),
                                       static_cast<ssize_t>(rest.size()), &sent, &blocked);
    if (rc != S2N_SUCCESS && s2n_error_get_type(s2n_errno) != S2N_ERR_T_BLOCKED) return false;
    if (sent <= 0) break;  // it was not offered: the session does not fit what we offer now
    early.given += static_cast<std::size_t>(sent);
    rest = rest.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

// As s2n_negotiate, keeping what comes early. False with s2n_errno set.
bool connection::impl::negotiate_and_take(s2n_blocked_status& blocked) {
  std::array<std::byte, record_size> some;
  for (;;) {
    ssize_t got = 0;
    const int rc = s2n_recv_early_data(conn.get(), reinterpret_cast<uint8_t*>(some.data()),
                                       static_cast<ssize_t>(some.size()), &got, &blocked);
    if (got > 0) early.data.insert(early.data.end(), some.begin(), some.begin() + got);
    const bool is_over = rc == S2N_SUCCESS;  // there is none, or no more
    if (!is_over && s2n_error_get_type(s2n_errno) != S2N_ERR_T_BLOCKED) return false;
    const bool is_refused = std::exchange(early.pauses_input, false);
    if (is_over || is_refused) return s2n_negotiate(conn.get(), &blocked) == S2N_SUCCESS;
    if (blocked != S2N_BLOCKED_ON_EARLY_DATA) return false;
  }
}

// As we send our first message, it is settled whether there is early data. s2n would count what it refused, as
// ciphertext, against the limit for plaintext, and end the connection of a client that used all of it; unless it is
// told, by another call, that none is expected any more: so this one gets no more input.
void connection::impl::settle_early_data() noexcept {
  early.is_awaited = false;
  early.pauses_input = status_of(conn.get()) == S2N_EARLY_DATA_STATUS_REJECTED;
  s2n_connection_set_recv_buffering(conn.get(), true);
}

// Both numbers are reset when all has been returned, so that has_early_input() is false from then on.
std::size_t connection::impl::give_early_data(std::span<std::byte> into) noexcept {
  const auto rest = std::span(early.data).subspan(early.given);
  const auto n = std::min(rest.size(), into.size());
  std::copy_n(rest.begin(), n, into.begin());
  early.given += n;
  totals.bytes_read += n;
  if (early.given == early.data.size()) {
    early.data = {};
    early.given = 0;
  }
  return n;
}

// All that was allowed has come, and the client has not said that it was all.
bool connection::impl::is_early_data_full() const noexcept {
  const auto most = shared().max_early_data;
  return side == role::server && most > 0 && early.data.size() >= most && !handshake.is_established;
}

// Of a handshake that failed. A client that announces early data sends it at once.
void connection::impl::note_lost_early_data() noexcept {
  if (!conn) return;
  auto* hello = side == role::server ? s2n_connection_get_client_hello(conn.get()) : nullptr;
  bool is_announced = false;
  if (hello != nullptr) s2n_client_hello_has_extension(hello, internal::wire::ext_early_data, &is_announced);
  const bool is_lost =
      side == role::client ? early.given > 0 : is_announced || status_of(conn.get()) == S2N_EARLY_DATA_STATUS_REJECTED;
  if (is_lost) info.early_data = early_data::rejected;
}

// Of a handshake that is done. What a client sent early counts as written only if the server took it.
void connection::impl::note_early_data() {
  const auto status = status_of(conn.get());
  // Whatever the engine calls it: what a client has sent and was not taken is gone.
  const bool is_lost = side == role::client && early.given > 0;
  if (status == S2N_EARLY_DATA_STATUS_REJECTED || is_lost) info.early_data = early_data::rejected;
  if (status != S2N_EARLY_DATA_STATUS_END) return;
  info.early_data = early_data::accepted;
  info.early_bytes = side == role::client ? early.given : early.data.size();
  if (side == role::client) totals.bytes_written += early.given;
}

}  // namespace v0
}  // namespace sluice
