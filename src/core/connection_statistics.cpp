// SPDX-License-Identifier: Apache-2.0
// What a connection has counted, put together for its caller.
#include "core/connection_impl.hpp"

namespace sluice {
inline namespace v0 {

connection_statistics connection::impl::statistics() const noexcept {
  const auto side_of = [](std::uint64_t bytes, const internal::record_meter& records) {
    return traffic{.bytes = bytes, .records = records.records(), .wire_bytes = records.bytes()};
  };
  connection_statistics made;
  made.received = side_of(totals.bytes_read, totals.records_in);
  made.sent = side_of(totals.bytes_written, totals.records_out);
  made.handshake_began = totals.began;
  made.handshake_ended = totals.ended;
  if (totals.ended > totals.began) made.timings.handshake = totals.ended - totals.began;
  made.timings.signing = totals.signing;
  made.signatures = totals.signatures;
  made.established = !info.version.empty();
  made.resumed = info.resumed;
  made.alert_sent = totals.alert_sent ? totals.alert_sent : totals.records_out.alert();
  made.alert_received = totals.alert_received ? totals.alert_received : totals.records_in.alert();
  return made;
}

// s2n_shutdown_send has sent something, and nothing has failed: close_notify.
void connection::impl::note_close_notify(std::uint64_t records_before) noexcept {
  if (totals.records_out.records() > records_before && !totals.records_out.alert()) totals.alert_sent = close_notify;
}

// The only place where input.is_closed is set: no data follow, and what the gate holds is not TLS.
void connection::impl::note_peer_closed() noexcept {
  input.is_closed = true;
  totals.alert_received = close_notify;
}

// When the connection is destroyed or reset, once for every handshake that has begun.
void connection::impl::report_closed() noexcept {
  const auto& watch = ctx.observer();
  if (!watch || !has_begun()) return;
  if (!errors.latched.code && errors.of_writing.code)
    watch->on_failure(errors.of_writing);  // reading has found no better failure
  const auto counted = statistics();
  const auto& error = errors.latched.code ? errors.latched : errors.of_writing;
  watch->on_closed({.is_server = side == role::server,
                    .info = counted.established ? &info : nullptr,
                    .error = error.code ? &error : nullptr,
                    .statistics = &counted});
}

}  // namespace v0
}  // namespace sluice
