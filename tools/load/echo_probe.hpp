// SPDX-License-Identifier: Apache-2.0
// How long an established connection waits for its echoes, measured open-loop.
#pragma once

#include "load/latencies.hpp"

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>

namespace sluice::tool {

struct probe_settings {
  std::chrono::nanoseconds period = std::chrono::milliseconds(1);
  std::chrono::nanoseconds warm_up = std::chrono::milliseconds(300);  // pinged, not counted
  std::chrono::nanoseconds duration = std::chrono::seconds(3);        // what counts
};

struct probe_result {
  latencies
      echoes;  // from the time a ping was due, so that a stalled server cannot hide pings (no coordinated omission)
  std::size_t lost = 0;    // pings that were due and never came back
  std::chrono::steady_clock::time_point began, ended;  // of what counts
};

// Pings by the clock, whether or not earlier pings have come back. `s` outlives it, and echoes.
boost::asio::awaitable<probe_result> probe_echo(tcp_stream& s, const probe_settings& settings);

}  // namespace sluice::tool
