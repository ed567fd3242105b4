// SPDX-License-Identifier: Apache-2.0
// Whether a token is in use: how it is given up, when it is probed, and what takes it into use again. It decides and
// does nothing; the lock is its owner's.
#pragma once

#include "pkcs11/runtime.hpp"
#include "sluice/pkcs11/key.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// Closed: not open, not down, no probe. A fatal answer, or three failures in a row, open it.
// Open, not down: the first probe is due or under way. Work waits in the queue, because a fault that passes quickly is
// over before anybody notices.
// Open and down: a probe has failed or is late. Work is rejected; probes follow each other, after growing delays, and
// at once after a late one.
// A probe that succeeds closes it from either state. There is at most one probe under way: `probe_` is its number, and
// `probe_is_late_at_` has a meaning only while it is not 0. Numbers are never used again, so that a probe which was
// given up cannot be taken for the one that replaced it.
class circuit {
 public:
  using time_point = runtime::time_point;
  // What a piece of work was: which key, and which signature. Failures of one kind that others do not share are its
  // own.
  using kind = std::pair<const void*, int>;

  // A probe that takes longer is replaced by another; what it says later counts only if it is good news.
  static constexpr auto probe_patience = std::chrono::seconds(2);
  static constexpr int failures_that_open = 3;
  static constexpr int probes_before_reinitializing = 5;

  explicit circuit(std::uint32_t seed) : random_(seed) {}

  circuit_state state() const noexcept;
  bool is_closed() const noexcept { return !is_open_; }
  // Open, and a probe has failed or is late: work is refused at once.
  bool is_down() const noexcept { return is_down_; }

  // Work succeeded, or failed otherwise than by its own fault. `is_fatal`: the answer says that the token is gone.
  // True: the circuit opens by this, and the first probe is due at once.
  void note_success(kind of);
  bool note_failure(kind of, bool is_fatal, time_point now);

  bool is_probe_due(time_point now) const noexcept;
  // When a probe is due or, under way, late.
  time_point next_event() const noexcept;
  std::uint64_t begin_probe(time_point now) noexcept;
  bool is_under_way(std::uint64_t probe) const noexcept { return probe != 0 && probe == probe_; }
  void cancel_probe(std::uint64_t probe, time_point again_at) noexcept;  // it could not be begun
  // Nobody waits for the probe under way any longer: the next is due at once, and work is refused meanwhile.
  bool give_up_late_probe(time_point now) noexcept;

  // The token works, though not for this kind: that is this kind's own fault for a while, and opens nothing.
  void excuse(kind of, time_point now);
  void probe_succeeded();
  // False: it had been given up, and says nothing of now.
  bool probe_failed(std::uint64_t probe, time_point now);
  int failed_probes() const noexcept { return failed_probes_; }

 private:
  bool is_excused(kind of, time_point now);
  runtime::duration next_delay();

  bool is_open_ = false;
  bool is_down_ = false;
  int failures_in_a_row_ = 0;
  int failed_probes_ = 0;
  std::uint64_t probe_ = 0;  // under way; 0: none
  std::uint64_t last_probe_ = 0;
  time_point probe_at_{};
  time_point probe_is_late_at_ = runtime::never;
  // Bounded, and cleaned of what has run out whenever one is added: kinds are chosen by clients, in their handshakes.
  std::map<kind, time_point> excused_until_;
  std::minstd_rand random_;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
