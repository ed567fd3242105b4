// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/circuit.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

constexpr auto longest_delay = std::chrono::milliseconds(500);
constexpr auto first_delay = std::chrono::milliseconds(20);
constexpr auto an_excuse_holds = std::chrono::seconds(10);
constexpr std::size_t max_excuses = 64;

}  // namespace

circuit_state circuit::state() const noexcept {
  if (!is_open_) return circuit_state::closed;
  return probe_ != 0 ? circuit_state::probing : circuit_state::open;
}

void circuit::note_success(kind of) {
  failures_in_a_row_ = 0;
  // It works after all; its next failure is the token's again.
  excused_until_.erase(of);
}

// The first probe follows at once, so that a passing fault costs no handshake.
bool circuit::note_failure(kind of, bool is_fatal, time_point now) {
  if (is_open_ || is_excused(of, now)) return false;
  ++failures_in_a_row_;
  if (!is_fatal && failures_in_a_row_ < failures_that_open) return false;
  is_open_ = true;
  is_down_ = false;
  failed_probes_ = 0;
  probe_ = 0;
  probe_at_ = now;
  probe_is_late_at_ = runtime::never;
  return true;
}

// A key or a scheme that never works must not take the token from the others; but not for ever, since tokens are
// mended.
bool circuit::is_excused(kind of, time_point now) {
  const auto found = excused_until_.find(of);
  if (found == excused_until_.end()) return false;
  if (now < found->second) return true;
  excused_until_.erase(found);
  return false;
}

bool circuit::is_probe_due(time_point now) const noexcept { return is_open_ && probe_ == 0 && now >= probe_at_; }

circuit::time_point circuit::next_event() const noexcept {
  if (!is_open_) return runtime::never;
  return probe_ != 0 ? probe_is_late_at_ : probe_at_;
}

std::uint64_t circuit::begin_probe(time_point now) noexcept {
  probe_ = ++last_probe_;
  probe_is_late_at_ = now + probe_patience;
  return probe_;
}

void circuit::cancel_probe(std::uint64_t probe, time_point again_at) noexcept {
  if (!is_under_way(probe)) return;
  probe_ = 0;
  probe_at_ = again_at;
}

bool circuit::give_up_late_probe(time_point now) noexcept {
  if (!is_open_ || probe_ == 0 || now < probe_is_late_at_) return false;
  probe_ = 0;
  probe_at_ = now;
  is_down_ = true;
  return true;
}

void circuit::excuse(kind of, time_point now) {
  std::erase_if(excused_until_, [now](const auto& one) { return one.second <= now; });
  if (excused_until_.size() < max_excuses) excused_until_[of] = now + an_excuse_holds;
}

// Whichever probe it was: one that was given up proves as well as another that the token works now.
void circuit::probe_succeeded() {
  is_open_ = false;
  is_down_ = false;
  failures_in_a_row_ = 0;
  failed_probes_ = 0;
  probe_ = 0;
}

bool circuit::probe_failed(std::uint64_t probe, time_point now) {
  if (!is_open_ || !is_under_way(probe)) return false;
  probe_ = 0;
  is_down_ = true;
  // The delay is chosen before the count goes up: the first of them is the shortest.
  probe_at_ = now + next_delay();
  ++failed_probes_;
  return true;
}

// Doubling from 20 ms, a quarter either way, never above 500 ms.
runtime::duration circuit::next_delay() {
  const auto base =
      std::min<std::chrono::milliseconds>(first_delay * (1 << std::min(failed_probes_, 5)), longest_delay);
  const auto spread = std::uniform_real_distribution<double>(0.75, 1.25)(random_);
  const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(base * spread);
  return std::min(delay, longest_delay);
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
