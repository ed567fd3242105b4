// SPDX-License-Identifier: Apache-2.0
#include "sluice/observe.hpp"

#include "sluice/connection.hpp"

namespace sluice {
inline namespace v0 {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;  // totals, read one by one: nothing is ordered by them

}  // namespace

counters::snapshot_type counters::snapshot() const noexcept {
  return {.handshakes = handshakes_.load(relaxed),
          .handshakes_failed = handshakes_failed_.load(relaxed),
          .resumed = resumed_.load(relaxed),
          .signatures = signatures_.load(relaxed),
          .signatures_failed = signatures_failed_.load(relaxed),
          .signing_ns = signing_ns_.load(relaxed),
          .connections_failed = connections_failed_.load(relaxed),
          .warnings = warnings_.load(relaxed),
          .connections_closed = connections_closed_.load(relaxed),
          .received = {.bytes = bytes_received_.load(relaxed),
                       .records = records_received_.load(relaxed),
                       .wire_bytes = wire_bytes_received_.load(relaxed)},
          .sent = {.bytes = bytes_sent_.load(relaxed),
                   .records = records_sent_.load(relaxed),
                   .wire_bytes = wire_bytes_sent_.load(relaxed)}};
}

void counters::on_handshake(const handshake_event& event) noexcept {
  (event.error ? handshakes_failed_ : handshakes_).fetch_add(1, relaxed);
  if (event.info && event.info->resumed) resumed_.fetch_add(1, relaxed);
}

void counters::on_signature(const signature_event& event) noexcept {
  (event.error ? signatures_failed_ : signatures_).fetch_add(1, relaxed);
  signing_ns_.fetch_add(static_cast<std::uint64_t>(event.waited.count()), relaxed);
}

void counters::on_failure(const failure&) noexcept { connections_failed_.fetch_add(1, relaxed); }
void counters::on_warning(std::string_view) noexcept { warnings_.fetch_add(1, relaxed); }

void counters::on_closed(const closed_event& event) noexcept {
  const auto& [bytes_in, records_in, wire_in] = event.statistics->received;
  const auto& [bytes_out, records_out, wire_out] = event.statistics->sent;
  connections_closed_.fetch_add(1, relaxed);
  bytes_received_.fetch_add(bytes_in, relaxed);
  records_received_.fetch_add(records_in, relaxed);
  wire_bytes_received_.fetch_add(wire_in, relaxed);
  bytes_sent_.fetch_add(bytes_out, relaxed);
  records_sent_.fetch_add(records_out, relaxed);
  wire_bytes_sent_.fetch_add(wire_out, relaxed);
}

}  // namespace v0
}  // namespace sluice
