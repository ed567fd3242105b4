// SPDX-License-Identifier: Apache-2.0
// Trying again: after which errors, after how long, and how often a whole process may.
#pragma once

#include "sluice/error.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace sluice::inline v0 {

// Whether the same attempt, unchanged, may well succeed a little later.
//
// Yes: resolver_failed, refused, unreachable, reset, closed, truncated, timed_out; a token that is busy or away
// (queue_full, token_down, key_timed_out); the alert internal_error, which has nothing to do with us (RFC 8446 §6.2);
// a system that is short of descriptors, buffers or memory.
// No: every verdict about a certificate; every other alert, and whatever the two sides cannot agree on; bad input and
// configuration, a wrong PIN above all; name_not_found; a cancellation; success.
//
// It speaks of connecting. Whether what went over a connection that was cut may be repeated, its application knows.
bool is_retryable(const error_code& code) noexcept;

// How waits are spread, so that clients that failed together do not come back together.
enum class jitter : std::uint8_t {
  none,          // initial_delay, twice that, four times … up to max_delay
  full,          // anything between nothing and that
  decorrelated,  // the first as `full`; then between initial_delay and three times the last wait, up to max_delay
};

// Where jitter comes from. Derive for tests. Called on any thread, perhaps by several at a time.
class random_source {
 public:
  virtual ~random_source() = default;
  virtual std::uint64_t next() noexcept;  // any of the 2^64, each as likely
};

class retry_bucket;

// What it points to must outlive the operation it is given to. No wait depends on a clock but by its length.
struct retry_options {
  unsigned retries = 5;  // after the first try
  std::chrono::nanoseconds initial_delay = std::chrono::milliseconds(500);
  std::chrono::nanoseconds max_delay = std::chrono::seconds(20);
  sluice::jitter jitter = sluice::jitter::full;
  std::chrono::nanoseconds per_try = std::chrono::nanoseconds::max();  // one try at most; it has then timed_out
  retry_bucket* bucket = nullptr;                                      // asked before each retry; null: no common limit
  random_source* random = nullptr;  // null: a generator of the thread's, seeded by the system
};
static_assert(std::is_trivially_copyable_v<retry_options>);

inline constexpr retry_options no_retries{.retries = 0};

// The waits of one operation, one after the other. One thread at a time.
class backoff {
 public:
  explicit backoff(const retry_options& options = {}) noexcept : options_(options) {}

  // How long to wait before the next try; nothing when no retries are left.
  std::optional<std::chrono::nanoseconds> next() noexcept;
  unsigned used() const noexcept { return used_; }

 private:
  std::chrono::nanoseconds unspread() const noexcept;
  std::chrono::nanoseconds spread(std::chrono::nanoseconds from, std::chrono::nanoseconds to) const noexcept;

  retry_options options_;
  unsigned used_ = 0;
  std::chrono::nanoseconds last_{};
};

// A budget for retries that connections to one service share, so that a service that is down does not get more load
// from retries than it had from users. A retry takes tokens, success pays back; empty, nobody retries. Any thread.
class retry_bucket {
 public:
  explicit retry_bucket(unsigned capacity = 500) noexcept : capacity_(capacity), left_(capacity) {}
  retry_bucket(const retry_bucket&) = delete;
  retry_bucket& operator=(const retry_bucket&) = delete;

  // Pays for a retry after `why`: 10, or 5 where the other side answers but is overloaded (a token, internal_error);
  // the last retry gets what is left. Returns what was paid: 0 means that there must be no retry.
  unsigned withdraw(const error_code& why) noexcept;
  // After success: what the operation's last retry has cost, or 1 where there was none. Never above the capacity.
  void deposit(unsigned tokens = 1) noexcept;

  unsigned left() const noexcept { return left_.load(std::memory_order_relaxed); }
  unsigned capacity() const noexcept { return capacity_; }

 private:
  const unsigned capacity_;
  std::atomic<unsigned> left_;
};

}  // namespace sluice::inline v0
