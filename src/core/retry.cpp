// SPDX-License-Identifier: Apache-2.0
#include "sluice/retry.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <random>

namespace sluice {
inline namespace v0 {
namespace {

using std::chrono::nanoseconds;

constexpr unsigned cost = 5, transient_cost = 10;
constexpr int alert_internal_error = 80;

constexpr std::array of_the_network = {errc::resolver_failed,  errc::connection_refused, errc::unreachable,
                                       errc::connection_reset, errc::connection_closed,  errc::truncated,
                                       errc::timed_out};
constexpr std::array of_an_overload = {errc::queue_full, errc::token_down, errc::key_timed_out};

template <class Causes>
bool has(const Causes& causes, errc cause) noexcept {
  return std::ranges::find(causes, cause) != causes.end();
}

bool is_overload(const error_code& code) noexcept {
  if (code.category() == alert_category()) return code.value() == alert_internal_error;
  return has(of_an_overload, cause_of(code));
}

bool is_shortage(const error_code& code) noexcept {
  namespace sys = boost::system::errc;
  for (const auto e :
       {sys::too_many_files_open, sys::too_many_files_open_in_system, sys::no_buffer_space, sys::not_enough_memory}) {
    if (code == sys::make_error_condition(e)) return true;
  }
  return false;
}

// A firewall's or the system's rules are "unreachable" as well, and do not change by themselves.
bool is_forbidden(const error_code& code) noexcept {
  return code == boost::system::errc::make_error_condition(boost::system::errc::permission_denied);
}

nanoseconds thrice(nanoseconds time) noexcept { return time > nanoseconds::max() / 3 ? nanoseconds::max() : 3 * time; }

}  // namespace

bool is_retryable(const error_code& code) noexcept {
  if (!code.failed() || is_forbidden(code)) return false;
  return is_overload(code) || is_shortage(code) || has(of_the_network, cause_of(code));
}

std::uint64_t random_source::next() noexcept {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return generator();
}

nanoseconds backoff::unspread() const noexcept {
  const auto most = std::max(options_.max_delay, nanoseconds(0));
  if (used_ >= 63 || options_.initial_delay.count() > most.count() >> used_) return most;
  return nanoseconds(std::max(options_.initial_delay, nanoseconds(0)).count() << used_);
}

nanoseconds backoff::spread(nanoseconds from, nanoseconds to) const noexcept {
  static random_source system;
  auto& random = options_.random != nullptr ? *options_.random : system;
  const auto low = std::max(std::min(from, to), nanoseconds(0));
  const auto room = static_cast<std::uint64_t>((std::max({from, to, low}) - low).count()) + 1;
  return low + nanoseconds(static_cast<std::int64_t>(random.next() % room));
}

std::optional<nanoseconds> backoff::next() noexcept {
  if (used_ >= options_.retries) return std::nullopt;
  const bool is_first = last_ == nanoseconds(0);
  switch (options_.jitter) {
    case jitter::none: last_ = unspread(); break;
    case jitter::full: last_ = spread(nanoseconds(0), unspread()); break;
    case jitter::decorrelated:
      last_ = is_first ? spread(nanoseconds(0), unspread())
                       : spread(std::min(options_.initial_delay, options_.max_delay),
                                std::min(options_.max_delay, thrice(last_)));
      break;
  }
  ++used_;
  return last_;
}

unsigned retry_bucket::withdraw(const error_code& error) noexcept {
  const auto wanted = is_overload(error) ? cost : transient_cost;
  auto left = left_.load(std::memory_order_relaxed);
  while (!left_.compare_exchange_weak(left, left - std::min(left, wanted), std::memory_order_relaxed)) {
  }
  return std::min(left, wanted);
}

void retry_bucket::deposit(unsigned tokens) noexcept {
  auto left = left_.load(std::memory_order_relaxed);
  while (!left_.compare_exchange_weak(left, left + std::min(tokens, capacity_ - left), std::memory_order_relaxed)) {
  }
}

}  // namespace v0
}  // namespace sluice
