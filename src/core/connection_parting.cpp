// SPDX-License-Identifier: Apache-2.0
// The end of a connection that has gone wrong: what the peer said before it left, and what we say before we leave.
#include "core/base/failure.hpp"
#include "core/callbacks.hpp"
#include "core/connection_io.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {

// Not latched: what the peer sent before it left can still be read. An alert among it is why it left.
step connection::impl::write_failed(transport& transport) {
  if (!write_why.code) {
    if (!hear_last_words(transport)) return {.next = want::again};
    if (why.code) return failed_step();
    // The observer gets the cause when reading finds it.
    write_why = internal::with_usual_remedy(transport_failure(write_error, phase::write));
  }
  refused = {};
  return {.error = write_error};
}

// What comes before the peer's alert is kept for read(), as far as it is not much. False: there is more than one call
// may take.
bool connection::impl::hear_last_words(transport& transport) {
  constexpr std::size_t max_kept = 64 * 1024;
  if (peer_closed || unread.size() >= max_kept) return true;
  call call(*this, transport);
  const auto n = read_on([this](std::span<const std::byte> some) {
    unread.insert(unread.end(), some.begin(), some.end());
    gate.data_came(internal::input_gate::answer::impossible);  // the transport is broken for writing
    return unread.size() < max_kept;
  });
  if (n == 0) hear_goodbye();
  if (n >= 0) return true;
  const int type = s2n_error_get_type(s2n_errno);
  if (type == S2N_ERR_T_BLOCKED && gate.is_spent()) return false;
  // The next read() finds again that nothing is there, or nobody.
  const bool is_found_again = type == S2N_ERR_T_BLOCKED || type == S2N_ERR_T_CLOSED || type == S2N_ERR_T_IO;
  if (!is_found_again) latch(engine_failure(established ? phase::read : phase::handshake));
  return true;
}

std::size_t connection::impl::give_unread(std::span<std::byte> into) noexcept {
  const auto rest = std::span(unread).subspan(unread_given);
  const auto n = std::min(rest.size(), into.size());
  std::copy_n(rest.begin(), n, into.begin());
  unread_given += n;
  bytes_read += n;
  if (unread_given == unread.size()) {
    unread = {};
    unread_given = 0;
  }
  return n;
}

step connection::close_failed(transport& io) {
  if (!impl_) return {};
  auto& c = *impl_;
  auto* conn = c.conn.get();
  const bool has_spoken =
      conn != nullptr && s2n_connection_get_wire_bytes_in(conn) + s2n_connection_get_wire_bytes_out(conn) > 0;
  if (!c.why.code || !has_spoken || c.write_error) return {};
  if (!c.flush_output(io)) return {.next = c.write_error ? want::nothing : want::write};
  if (c.write_closed) return {};
  // One millisecond more: s2n counts from its own last write (P12).
  const auto left = s2n_connection_get_delay(conn);
  if (left > 0 && left != UINT64_MAX) {
    return {.next = want::delay, .delay = std::chrono::nanoseconds(left) + std::chrono::milliseconds(1)};
  }
  c.write_closed = true;
  c.write_alert(io);
  return c.write_error ? step{} : c.after_output();
}

// Best effort: there may be nobody left to tell.
void connection::impl::write_alert(transport& transport) {
  const auto version = s2n_connection_get_actual_protocol_version(conn.get());
  const auto what = alert ? alert : internal::alert_for(why, version, side);
  if (what) {
    call call(*this, transport);
    const auto before = records_out.records();
    const auto record = alerts.write(conn.get(), side, *what);
    if (!record.empty()) internal::on_send(this, record.data(), static_cast<uint32_t>(record.size()));
    if (records_out.records() > before) alert_sent = what;
  }
  is_silenced = true;
  alerts.forget();
}

}  // namespace v0
}  // namespace sluice
