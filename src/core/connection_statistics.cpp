// SPDX-License-Identifier: Apache-2.0
// What a connection has counted, put together for who asks.
#include "core/connection_impl.hpp"

namespace sluice {
inline namespace v0 {

connection_statistics connection::impl::statistics() const noexcept {
  const auto side_of = [](std::uint64_t bytes, const internal::record_meter& records) {
    return traffic{.bytes = bytes, .records = records.records(), .wire_bytes = records.bytes()};
  };
  connection_statistics made;
  made.received = side_of(bytes_read, records_in);
  made.sent = side_of(bytes_written, records_out);
  made.handshake_began = began;
  made.handshake_ended = ended;
  if (ended > began) made.timings.handshake = ended - began;
  made.timings.signing = signing;
  made.signatures = signatures;
  made.established = !info.version.empty();
  made.resumed = info.resumed;
  made.alert_sent = alert_sent ? alert_sent : records_out.alert();
  made.alert_received = alert_received ? alert_received : records_in.alert();
  return made;
}

// s2n_shutdown_send has sent something, and nothing has failed: close_notify.
void connection::impl::note_goodbye(std::uint64_t records_before) noexcept {
  if (records_out.records() > records_before && !records_out.alert()) alert_sent = close_notify;
}

void connection::impl::hear_goodbye() noexcept {
  peer_closed = true;
  alert_received = close_notify;
}

void connection::impl::tell_closed() noexcept {
  const auto& watch = ctx.observer();
  if (!watch || !has_begun()) return;
  if (!why.code && write_why.code) watch->on_failure(write_why);  // reading has found no better story
  const auto counted = statistics();
  const auto& story = why.code ? why : write_why;
  watch->on_closed({.is_server = side == role::server,
                    .info = counted.established ? &info : nullptr,
                    .why = story.code ? &story : nullptr,
                    .statistics = &counted});
}

}  // namespace v0
}  // namespace sluice
