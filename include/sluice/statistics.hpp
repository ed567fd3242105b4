// SPDX-License-Identifier: Apache-2.0
// What a connection has done so far: bytes, records, times, alerts.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace sluice::inline v0 {

// How long the parts of a handshake took; zero for what did not happen.
struct handshake_timings {
  std::chrono::nanoseconds resolve{};  // these two by async_connect alone
  std::chrono::nanoseconds connect{};
  std::chrono::nanoseconds handshake{};  // from the first byte of TLS, signing included
  std::chrono::nanoseconds signing{};    // waiting for private keys of our own
};

// One direction of a connection. Totals, which only grow.
struct traffic {
  std::uint64_t bytes = 0;       // of the application: what read() gave, or what write() took
  std::uint64_t records = 0;     // TLS records of every kind, those of the handshake and alerts included
  std::uint64_t wire_bytes = 0;  // the same with all that TLS adds; sent: sealed, and perhaps still on their way
};

// A copy, made when it is asked for. Keeping count costs a few additions a record.
struct connection_statistics {
  traffic received, sent;
  std::chrono::steady_clock::time_point handshake_began{};  // the first call of handshake(); zero: not yet
  std::chrono::steady_clock::time_point handshake_ended{};  // well or badly; zero: not yet
  handshake_timings timings;
  std::uint32_t signatures = 0;  // asked of private keys outside the engine, answered or not
  bool established = false;      // the handshake ended well, whatever came later
  bool resumed = false;
  // The last alert each way (RFC 8446 §6; 0 is close_notify, alert_name() has the words). What was sent
  // enciphered is known; of what the peer sent enciphered, s2n tells of close_notify and of fatal alerts.
  std::optional<std::uint8_t> alert_sent, alert_received;
};
static_assert(std::is_trivially_copyable_v<connection_statistics>);

}  // namespace sluice::inline v0
