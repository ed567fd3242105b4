// SPDX-License-Identifier: Apache-2.0
#include "testkit/load/tally.hpp"

namespace sluice::testkit {

void tally::succeeded(time_point due, time_point done, std::uint64_t bytes) {
  live_ok_.fetch_add(1, std::memory_order_relaxed);
  live_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (window_.has(done)) {
    ++done_in_window_;
    bytes_in_window_ += bytes;
  }
  if (window_.has(is_open_loop_ ? due : done)) times_.add(done - due);
}

// What fails after the end was begun before it; a closed loop that only ever failed late did not succeed.
void tally::failed(time_point due, const failure& error, const std::string& cause) {
  if (is_open_loop_ && !window_.has(due)) {
    live_failed_.fetch_add(1, std::memory_order_relaxed);
  } else if (note(error, cause)) {
    ++failed_;
  }
}

void tally::broke(const failure& error, const std::string& cause) { note(error, cause); }

bool tally::note(const failure& error, const std::string& cause) {
  live_failed_.fetch_add(1, std::memory_order_relaxed);
  if (std::chrono::steady_clock::now() < window_.from) return false;
  ++by_cause_[cause];
  if (!first_failure_) first_failure_ = error;
  return true;
}

void tally::missed(std::uint64_t count, const failure& error) {
  if (count == 0) return;
  by_cause_[code_name(error.code)] += count;
  if (!first_failure_) first_failure_ = error;
}

void tally::add(const tally& other) {
  window_ = other.window_;
  is_open_loop_ = other.is_open_loop_;
  times_.add(other.times_);
  for (const auto& [cause, count] : other.by_cause_) by_cause_[cause] += count;
  if (!first_failure_) first_failure_ = other.first_failure_;
  failed_ += other.failed_;
  done_in_window_ += other.done_in_window_;
  bytes_in_window_ += other.bytes_in_window_;
}

std::uint64_t tally::errors() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& [cause, count] : by_cause_) sum += count;
  return sum;
}

}  // namespace sluice::testkit
