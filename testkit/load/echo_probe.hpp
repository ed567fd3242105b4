// SPDX-License-Identifier: Apache-2.0
// How long an established connection waits for its echoes, measured open-loop.
#pragma once

#include "testkit/load/latencies.hpp"

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

namespace sluice::testkit {

// Pings by the clock: number i is due at start + i * period.
struct ping_plan {
  std::chrono::steady_clock::time_point start{};
  std::chrono::nanoseconds period{};
  std::size_t first = 0, end = 0;                   // of these numbers
  std::size_t size = 32;                            // bytes, 8 or more
  std::chrono::steady_clock::time_point give_up{};  // when those that are not back are lost

  std::chrono::steady_clock::time_point due(std::size_t number) const {
    return start +
           std::chrono::duration_cast<std::chrono::steady_clock::duration>(period * static_cast<std::int64_t>(number));
  }
};

struct ping_outcome {
  std::size_t sent = 0, answered = 0;  // numbers below these
  std::optional<failure> error;        // what ended it early; nothing when only time did, or nothing did
};

// What came back is not what was sent: its code is protocol_error.
failure wrong_echo();

// Sends them whether or not earlier ones have come back, and reports each that has: from its due time, so that a
// stalled server cannot hide pings (no coordinated omission). `s` outlives it, and echoes.
boost::asio::awaitable<ping_outcome> run_pings(tcp_stream& s, ping_plan plan,
                                               std::function<void(std::size_t number)> on_echo);

// One ping, and its echo: the closed loop. What went wrong, if something did.
boost::asio::awaitable<std::optional<failure>> ping_once(tcp_stream& s, std::size_t number, std::size_t size);

struct probe_settings {
  std::chrono::nanoseconds period = std::chrono::milliseconds(1);
  std::chrono::nanoseconds warm_up = std::chrono::milliseconds(300);  // pinged, not counted
  std::chrono::nanoseconds duration = std::chrono::seconds(3);        // what counts
};

struct probe_result {
  latencies echoes;
  std::size_t lost = 0;                                // pings that were due and never came back
  std::chrono::steady_clock::time_point began, ended;  // of what counts
};

// One connection's pings from now on. `s` outlives it, and echoes.
boost::asio::awaitable<probe_result> probe_echo(tcp_stream& s, const probe_settings& settings);

}  // namespace sluice::testkit
