// SPDX-License-Identifier: Apache-2.0
// The statistics of a connection: bytes, records, times and alerts.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace sluice {
inline namespace v0 {

// The durations of the parts of a handshake; zero for a part that did not take place.
struct handshake_timings {
  std::chrono::nanoseconds resolve{};    // this and the next one are set by async_connect only
  std::chrono::nanoseconds connect{};    // all attempts, until one has won; TCP alone
  std::chrono::nanoseconds handshake{};  // counted from the first byte of TLS, signing included
  std::chrono::nanoseconds signing{};    // the time spent waiting for private keys of this end
};

// The totals of one direction of a connection. They only grow.
struct traffic {
  std::uint64_t bytes = 0;       // application data: the bytes that read() returned, or that write() accepted
  std::uint64_t records = 0;     // TLS records of every type, including those of the handshake and alerts
  std::uint64_t wire_bytes = 0;  // the bytes of these records; for `sent`, encrypted and possibly not yet written
};

// A copy of the figures at the time of the call. Counting costs a few additions for each record.
struct connection_statistics {
  traffic received, sent;                                   // from and to the peer
  std::chrono::steady_clock::time_point handshake_began{};  // the first call of handshake(); zero: not yet
  std::chrono::steady_clock::time_point handshake_ended{};  // with or without success; zero: not yet
  handshake_timings timings;                                // zero until the handshake has ended
  std::uint32_t signatures = 0;  // requested from private keys outside the engine, answered or not
  bool established = false;      // the handshake succeeded, whatever happened later
  bool resumed = false;          // the handshake continued an earlier session
  // The last alert in each direction (RFC 8446 §6; 0 is close_notify, alert_name() returns the name). Of the encrypted
  // alerts that the peer sends, s2n reports close_notify and fatal alerts only.
  std::optional<std::uint8_t> alert_sent, alert_received;  // empty: none was sent, or received
};
static_assert(std::is_trivially_copyable_v<connection_statistics>);

}  // namespace v0
}  // namespace sluice
