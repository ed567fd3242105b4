// SPDX-License-Identifier: Apache-2.0
// Retries: which errors allow one, the delay before it, and a budget that connections share.
#pragma once

#include "sluice/error.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <type_traits>

namespace sluice {
inline namespace v0 {

// Returns whether the same attempt to connect, unchanged, is likely to succeed later.
//
// True for resolver_failed, connection_refused, unreachable, connection_reset, connection_closed, truncated, timed_out;
// for a token that is busy or absent (queue_full, token_down, key_timed_out); for the alert internal_error, which is
// unrelated to the peer (RFC 8446 §6.2); and for a system that lacks descriptors, buffers or memory.
// False for every error of a certificate; for every other alert and every failed negotiation; for invalid input and
// configuration, a wrong PIN above all; for name_not_found, a cancellation and success.
//
// The function is about connecting. Only the application knows whether a request on a connection that failed may be
// repeated.
bool is_retryable(const error_code& code) noexcept;

// The random part of delays, so that clients which failed at the same time do not retry at the same time.
enum class jitter : std::uint8_t {
  none,          // the delay is initial_delay, then twice, then four times that, …, up to max_delay
  full,          // a random delay between zero and that
  decorrelated,  // first as `full`, then between initial_delay and three times the last delay, up to max_delay
};

// The source of jitter. Derive from it for tests. It is called on any thread, possibly on several at a time.
class random_source {
 public:
  virtual ~random_source() = default;
  virtual std::uint64_t next() noexcept;  // returns each of the 2^64 values with the same probability
};

class retry_bucket;

// The objects that it points to must outlive the operation. Delays are durations; no clock time influences them.
struct retry_options {
  unsigned retries = 5;                                                     // the number of retries after the first try
  std::chrono::nanoseconds initial_delay = std::chrono::milliseconds(500);  // before the first retry; jitter changes it
  std::chrono::nanoseconds max_delay = std::chrono::seconds(20);            // no delay is longer
  sluice::jitter jitter = sluice::jitter::full;                             // the random part
  std::chrono::nanoseconds per_try = std::chrono::nanoseconds::max();       // the time-out of each try (timed_out)
  retry_bucket* bucket = nullptr;   // pays for each retry; null: no common budget
  random_source* random = nullptr;  // null: a generator of the thread, seeded by the system
};
static_assert(std::is_trivially_copyable_v<retry_options>);

// One try, as connect_options have it by default.
inline constexpr retry_options no_retries{.retries = 0};

// The delays of one operation, one after the other. One thread at a time may use it.
class backoff {
 public:
  // Copies the options. The bucket is not used here: whoever retries withdraws from it.
  explicit backoff(const retry_options& options = {}) noexcept : options_(options) {}

  // Returns the delay before the next try, or nothing if no retries are left.
  std::optional<std::chrono::nanoseconds> next() noexcept;
  unsigned used() const noexcept { return used_; }  // the delays that next() has returned

 private:
  std::chrono::nanoseconds unspread() const noexcept;
  std::chrono::nanoseconds spread(std::chrono::nanoseconds from, std::chrono::nanoseconds to) const noexcept;

  retry_options options_;
  unsigned used_ = 0;
  std::chrono::nanoseconds last_{};
};

// A budget of retries that connections to one service share, so that a service which is down does not get more load
// from retries than it had from users. A retry takes tokens, a success returns some; while the bucket is empty, there
// are no retries. Any thread may use it.
class retry_bucket {
 public:
  explicit retry_bucket(unsigned capacity = 500) noexcept : capacity_(capacity), left_(capacity) {}  // full
  retry_bucket(const retry_bucket&) = delete;
  retry_bucket& operator=(const retry_bucket&) = delete;

  // Takes tokens for a retry after `why`: 10, or 5 if the other side answers but is overloaded (a token,
  // internal_error); or all that are left, if there are fewer. Returns the number that was taken: 0 means that there
  // must be no retry.
  unsigned withdraw(const error_code& error) noexcept;
  // To be called after a success, with the cost of the operation's last retry, or 1 if there was none. The bucket never
  // gets more tokens than its capacity.
  void deposit(unsigned tokens = 1) noexcept;

  unsigned left() const noexcept { return left_.load(std::memory_order_relaxed); }  // in tokens, at the moment
  unsigned capacity() const noexcept { return capacity_; }                          // in tokens

 private:
  const unsigned capacity_;
  std::atomic<unsigned> left_;
};

}  // namespace v0
}  // namespace sluice
