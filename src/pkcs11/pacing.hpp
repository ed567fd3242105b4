// SPDX-License-Identifier: Apache-2.0
// When the answers of a token are handed over. Sessions that were started together answer together for ever when each
// call takes as long as the last, and every burst of handshakes then keeps the event loop from everything else.
#pragma once

#include <algorithm>
#include <chrono>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// The lock is its owner's. `next_` never goes back.
class pacing {
 public:
  using clock_type = std::chrono::steady_clock;

  // The moment for an answer that came at `now`, of a call that took `took`, with that many sessions at work: three
  // quarters of an even spread after the one before. A session waits for its turn before it makes its next call, so the
  // wait parts them once and costs nothing from then on; the last quarter is the slack that keeps it so.
  clock_type::time_point turn(clock_type::time_point now, clock_type::duration took, std::size_t sessions) {
    const auto share = 3 * took / static_cast<clock_type::rep>(4 * std::max<std::size_t>(sessions, 1));
    const auto mine = std::max(now, next_);
    next_ = mine + std::min<clock_type::duration>(share, most);
    return mine;
  }

 private:
  static constexpr auto most = std::chrono::milliseconds(4);  // more than the loop needs for a handshake
  clock_type::time_point next_{};
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
