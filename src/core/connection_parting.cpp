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
  if (!errors.of_writing.code) {
    if (!look_for_alert(transport)) return {.next = want::again};
    if (errors.latched.code) return failed_step();
    // The observer gets the cause when reading finds it.
    errors.of_writing = internal::with_usual_remedy(transport_failure(output.error, phase::write));
  }
  errors.of_call = {};
  return {.error = output.error};
}

// What comes before the peer's alert is kept for read(), as far as it is not much. False: there is more than one call
// may take.
bool connection::impl::look_for_alert(transport& transport) {
  constexpr std::size_t max_kept = 64 * 1024;
  if (input.is_closed || input.unread.size() >= max_kept) return true;
  call call(*this, transport);
  const auto n = read_on([this](std::span<const std::byte> some) {
    input.unread.insert(input.unread.end(), some.begin(), some.end());
    input.gate.data_came(internal::input_gate::answer::impossible);  // the transport is broken for writing
    return input.unread.size() < max_kept;
  });
  if (n == 0) note_peer_closed();
  if (n >= 0) return true;
  const int type = s2n_error_get_type(s2n_errno);
  if (type == S2N_ERR_T_BLOCKED && input.gate.is_spent()) return false;
  // The next read() finds again that nothing is there, or that the peer is gone.
  const bool is_found_again = type == S2N_ERR_T_BLOCKED || type == S2N_ERR_T_CLOSED || type == S2N_ERR_T_IO;
  if (!is_found_again) latch(engine_failure(handshake.is_established ? phase::read : phase::handshake));
  return true;
}

std::size_t connection::impl::give_unread(std::span<std::byte> into) noexcept {
  const auto rest = std::span(input.unread).subspan(input.unread_given);
  const auto n = std::min(rest.size(), into.size());
  std::copy_n(rest.begin(), n, into.begin());
  input.unread_given += n;
  totals.bytes_read += n;
  if (input.unread_given == input.unread.size()) {
    input.unread = {};
    input.unread_given = 0;
  }
  return n;
}

// The alert is made once: output.is_closed says that it was, and is_silenced that nothing may follow it. It waits for
// the blinding delay, which s2n keeps, since the peer could measure without it how long a check took.
step connection::close_failed(transport& io) {
  if (!impl_) return {};
  auto& c = *impl_;
  auto* conn = c.conn.get();
  const bool has_spoken =
      conn != nullptr && s2n_connection_get_wire_bytes_in(conn) + s2n_connection_get_wire_bytes_out(conn) > 0;
  if (!c.errors.latched.code || !has_spoken || c.output.error) return {};
  if (!c.flush_output(io)) return {.next = c.output.error ? want::nothing : want::write};
  if (c.output.is_closed) return {};
  // One millisecond more: s2n counts from its own last write (P12).
  const auto left = s2n_connection_get_delay(conn);
  if (left > 0 && left != UINT64_MAX) {
    return {.next = want::delay, .delay = std::chrono::nanoseconds(left) + std::chrono::milliseconds(1)};
  }
  c.output.is_closed = true;
  c.write_alert(io);
  return c.output.error ? step{} : c.after_output();
}

// Best effort: the peer may be gone.
void connection::impl::write_alert(transport& transport) {
  const auto version = s2n_connection_get_actual_protocol_version(conn.get());
  const auto what = errors.alert ? errors.alert : internal::alert_for(errors.latched, version, side);
  if (what) {
    call call(*this, transport);
    const auto before = totals.records_out.records();
    const auto record = output.alerts.write(conn.get(), side, *what);
    if (!record.empty()) internal::on_send(this, record.data(), static_cast<uint32_t>(record.size()));
    if (totals.records_out.records() > before) totals.alert_sent = what;
  }
  output.is_silenced = true;
  output.alerts.forget();
}

}  // namespace v0
}  // namespace sluice
