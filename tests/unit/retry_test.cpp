// SPDX-License-Identifier: Apache-2.0
// When to try again: the waits, the common budget, and which errors are worth it.
#include "sluice/retry.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// Always the same number.
class fixed_source final : public random_source {
 public:
  explicit fixed_source(std::uint64_t value) : value_(value) {}
  std::uint64_t next() noexcept override { return value_; }

 private:
  std::uint64_t value_;
};

std::vector<nanoseconds> waits(const retry_options& options) {
  backoff schedule(options);
  std::vector<nanoseconds> made;
  while (const auto wait = schedule.next()) made.push_back(*wait);
  EXPECT_EQ(schedule.used(), options.retries);
  EXPECT_FALSE(schedule.next());
  return made;
}

using expected = std::vector<nanoseconds>;

TEST(backoff, doubles_from_half_a_second_to_twenty) {
  EXPECT_EQ(waits({.jitter = jitter::none}), (expected{500ms, 1s, 2s, 4s, 8s}));
  EXPECT_EQ(waits({.retries = 8, .jitter = jitter::none}), (expected{500ms, 1s, 2s, 4s, 8s, 16s, 20s, 20s}));
}

TEST(backoff, never_overflows) {
  for (const auto how : {jitter::none, jitter::full, jitter::decorrelated}) {
    const auto all = waits({.retries = 200, .initial_delay = 1h, .max_delay = nanoseconds::max(), .jitter = how});
    for (const auto& wait : all) EXPECT_GE(wait, 0ns);
  }
  EXPECT_EQ(
      waits({.retries = 70, .initial_delay = 1ns, .max_delay = nanoseconds::max(), .jitter = jitter::none}).back(),
      nanoseconds::max());
  EXPECT_EQ(waits({.retries = 2, .initial_delay = -1s, .max_delay = -1s, .jitter = jitter::none}),
            (expected{0ns, 0ns}));
}

TEST(backoff, full_jitter_is_anything_up_to_the_exponential_wait) {
  fixed_source none(0), some(300'000'000), most(UINT64_MAX);
  EXPECT_EQ(waits({.random = &none}), (expected{0s, 0s, 0s, 0s, 0s}));
  EXPECT_EQ(waits({.retries = 3, .random = &some}), (expected{300ms, 300ms, 300ms}));
  for (int i = 0; i < 100; ++i) {
    const auto drawn = waits({});
    for (unsigned n = 0; n < drawn.size(); ++n) EXPECT_LE(drawn[n], 500ms * (1 << n));
  }
}

TEST(backoff, decorrelated_jitter_grows_from_the_last_wait) {
  fixed_source some(300'000'000);
  // 300 ms of [0, 500]; then 300 more than the scale, of [500, 900]: 800; then of [500, 2400]; and so on.
  EXPECT_EQ(waits({.retries = 3, .jitter = jitter::decorrelated, .random = &some}), (expected{300ms, 800ms, 800ms}));
  for (int i = 0; i < 100; ++i) {
    const auto drawn = waits({.retries = 12, .max_delay = 3s, .jitter = jitter::decorrelated});
    for (std::size_t n = 1; n < drawn.size(); ++n) {
      EXPECT_LE(drawn[n], std::min<nanoseconds>(3s, std::max<nanoseconds>(500ms, 3 * drawn[n - 1])));
      EXPECT_GE(drawn[n], std::min<nanoseconds>(500ms, 3 * drawn[n - 1]));
    }
  }
}

TEST(backoff, draws_differ) {
  const auto one = waits({}), other = waits({});
  EXPECT_NE(one, other);
}

TEST(backoff, without_retries_there_is_no_wait) { EXPECT_EQ(waits(no_retries), expected{}); }

const auto refused = make_error_code(errc::connection_refused);
const auto overloaded = make_error_code(errc::queue_full);

TEST(retry_bucket, has_the_figures_of_the_reference) {
  retry_bucket bucket;
  EXPECT_EQ(bucket.left(), 500u);
  EXPECT_EQ(bucket.withdraw(refused), 10u);
  EXPECT_EQ(bucket.withdraw(make_error_code(errc::timed_out)), 10u);
  EXPECT_EQ(bucket.withdraw(overloaded), 5u);
  EXPECT_EQ(bucket.withdraw({80, alert_category()}), 5u) << "internal_error";
  EXPECT_EQ(bucket.left(), 470u);
  bucket.deposit();
  EXPECT_EQ(bucket.left(), 471u);
  bucket.deposit(10);
  EXPECT_EQ(bucket.left(), 481u);
  bucket.deposit(1000);
  EXPECT_EQ(bucket.left(), 500u) << "never above the capacity";
}

TEST(retry_bucket, that_is_empty_allows_nothing_until_success_pays_back) {
  retry_bucket bucket(13);
  EXPECT_EQ(bucket.withdraw(refused), 10u);
  EXPECT_EQ(bucket.withdraw(refused), 3u) << "the last one gets what is left";
  EXPECT_EQ(bucket.withdraw(refused), 0u);
  bucket.deposit();
  EXPECT_EQ(bucket.withdraw(overloaded), 1u);
  EXPECT_EQ(bucket.withdraw(overloaded), 0u);
}

TEST(retry_bucket, loses_nothing_between_threads) {
  retry_bucket bucket(100'000);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&bucket] {
      for (int n = 0; n < 1000; ++n) bucket.deposit(bucket.withdraw(refused) - 1);
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(bucket.left(), 96'000u);
}

TEST(is_retryable, holds_for_what_passes) {
  for (const auto cause : {errc::resolver_failed, errc::connection_refused, errc::unreachable, errc::connection_reset,
                           errc::connection_closed, errc::truncated, errc::timed_out, errc::queue_full,
                           errc::token_down, errc::key_timed_out}) {
    EXPECT_TRUE(is_retryable(make_error_code(cause))) << to_string(cause);
  }
  namespace error = boost::asio::error;
  for (const error_code& ec :
       {error_code(error::connection_refused), error_code(error::connection_reset), error_code(error::timed_out),
        error_code(error::host_unreachable), error_code(error::host_not_found_try_again),
        error_code(error::broken_pipe), error_code(error::no_descriptors), error_code(error::no_memory),
        error_code(error::no_buffer_space)}) {
    EXPECT_TRUE(is_retryable(ec)) << ec.message();
  }
  EXPECT_TRUE(is_retryable({80, alert_category()})) << "internal_error";
  EXPECT_TRUE(is_retryable({0x32, pkcs11_category()})) << "CKR_DEVICE_REMOVED";
}

TEST(is_retryable, does_not_hold_for_verdicts_configuration_and_cancellation) {
  for (int value = 1; value < 250; ++value) {
    const auto cause = static_cast<errc>(value);
    const auto ec = make_error_code(cause);
    if (to_string(cause_of(ec)) == to_string(errc::internal)) continue;
    const auto category = category_name(ec);
    if (category == "certificate" || category == "config" || category == "requirement") {
      EXPECT_FALSE(is_retryable(ec)) << to_string(cause);
    }
  }
  for (const auto cause :
       {errc::name_not_found, errc::handshake_failed, errc::protocol_error, errc::no_shared_parameters,
        errc::version_unsupported, errc::alpn_mismatch, errc::alert, errc::not_ready, errc::cancelled,
        errc::key_unavailable, errc::key_refused, errc::signature_mismatch, errc::ocsp_invalid, errc::internal,
        errc::pin_required, errc::pin_known_bad, errc::pin_final_try, errc::token_not_found, errc::key_not_found}) {
    EXPECT_FALSE(is_retryable(make_error_code(cause))) << to_string(cause);
  }
  for (int alert = 0; alert < 256; ++alert) {
    EXPECT_EQ(is_retryable({alert, alert_category()}), alert == 80) << alert_name(static_cast<std::uint8_t>(alert));
  }
  namespace error = boost::asio::error;
  for (const error_code& ec : {error_code(), error_code(error::operation_aborted), error_code(error::host_not_found),
                               error_code(error::access_denied), error_code(error::invalid_argument)}) {
    EXPECT_FALSE(is_retryable(ec)) << ec.message();
  }
  for (const int ckr : {0xa0, 0xa4, 0x54, 0x70}) EXPECT_FALSE(is_retryable({ckr, pkcs11_category()})) << ckr;
}

}  // namespace
}  // namespace sluice::test
