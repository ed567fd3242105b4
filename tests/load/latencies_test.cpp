// SPDX-License-Identifier: Apache-2.0
// What `bench` and `demo` say of many times is what those times were, to a thousandth.
#include "testkit/load/latencies.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace sluice::testkit {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

// The same by sorting.
nanoseconds nearest_rank(std::vector<std::int64_t> all, double percent) {
  std::ranges::sort(all);
  const auto rank = std::ceil(percent / 100 * static_cast<double>(all.size()));
  return nanoseconds(all[static_cast<std::size_t>(std::max(1.0, rank)) - 1]);
}

TEST(latencies, that_are_none_are_zero) {
  const latencies none;
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(none.percentile(50), 0ns);
  EXPECT_EQ(none.longest(), 0ns);
  EXPECT_EQ(none.count_up_to(1h), 0u);
}

TEST(latencies, have_the_percentiles_of_the_times_to_a_thousandth_and_never_less) {
  std::mt19937_64 random(6);
  std::lognormal_distribution<double> times(12, 4);  // from nanoseconds to hours
  std::vector<std::int64_t> all;
  latencies measured;
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(static_cast<std::int64_t>(times(random)));
    measured.add(nanoseconds(all.back()));
  }
  for (const double percent : {0.0, 0.1, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto right = nearest_rank(all, percent);
    const auto said = measured.percentile(percent);
    EXPECT_GE(said, right) << percent;
    EXPECT_LE(static_cast<double>(said.count()), static_cast<double>(right.count()) * 1.001 + 1) << percent;
  }
  EXPECT_EQ(measured.percentile(100), measured.longest());
  EXPECT_EQ(measured.longest().count(), std::ranges::max(all));
}

TEST(latencies, below_two_microseconds_are_exact) {
  latencies measured;
  for (int i = 1; i <= 2000; ++i) measured.add(nanoseconds(i));
  for (const int percent : {1, 10, 50, 99}) EXPECT_EQ(measured.percentile(percent), nanoseconds(20 * percent));
}

TEST(latencies, of_two_threads_add_up) {
  latencies one, two, both;
  for (int i = 1; i <= 1000; ++i) {
    const auto time = 3us * i;
    (i % 3 == 0 ? one : two).add(time);
    both.add(time);
  }
  one.add(two);
  EXPECT_EQ(one.size(), both.size());
  EXPECT_EQ(one.longest(), both.longest());
  for (const double percent : {1.0, 50.0, 99.9}) EXPECT_EQ(one.percentile(percent), both.percentile(percent));
}

TEST(latencies, are_counted_up_to_a_time) {
  latencies measured;
  for (const auto time : {1us, 2us, 5us, 100us}) measured.add(time);
  EXPECT_EQ(measured.count_up_to(999ns), 0u);
  EXPECT_EQ(measured.count_up_to(1us), 1u);
  EXPECT_EQ(measured.count_up_to(5us), 3u);
  EXPECT_EQ(measured.count_up_to(1h), 4u);
}

TEST(latencies, of_a_clock_that_went_backwards_are_none) {
  latencies measured;
  measured.add(-5ns);
  EXPECT_EQ(measured.percentile(50), 0ns);
  EXPECT_EQ(measured.size(), 1u);
}

}  // namespace
}  // namespace sluice::testkit
