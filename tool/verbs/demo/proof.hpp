// SPDX-License-Identifier: Apache-2.0
// The proof that the event loop never waits for the token: echoes of an established connection, measured while 64
// clients shake hands with a key in memory, and then with a token that takes 20 ms for each signature.
#pragma once

#include "terminal/interrupt.hpp"
#include "verbs/demo/stage.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace sluice::tool {

struct proof_phase {
  std::chrono::nanoseconds p50{}, p99{};
  double per_second = 0;  // handshakes
  std::size_t lost_pings = 0;
  std::size_t failed = 0;  // handshakes
  std::optional<failure> first_failure;
};

struct proof {
  static constexpr std::size_t clients = 64;
  static constexpr std::size_t sessions = 8;
  static constexpr auto signature_time = std::chrono::milliseconds(20);
  // What the token allows: eight signatures at a time, each 20 ms.
  static constexpr double bound = 1000.0 / signature_time.count() * sessions;

  proof_phase idle, memory, token;

  // An echo waited for a signature.
  bool has_waited() const noexcept { return token.p99 >= signature_time || token.lost_pings > 0; }
  // Echoes waited where no signature was slow: other programs have the machine, and this proves nothing.
  bool is_disturbed() const noexcept { return std::max(idle.p99, memory.p99) >= signature_time / 10; }
};

// `progress` is called with what begins. Throws sluice::error.
proof run_proof(const stage& s, const std::string& faulty_module, const interrupt_watch& watch,
                const std::function<void(std::string_view)>& progress);

}  // namespace sluice::tool
