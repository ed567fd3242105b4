// SPDX-License-Identifier: Apache-2.0
// What counts in a measurement, and what does not: the window, for the open loop and for the closed one.
#include "testkit/load/tally.hpp"

#include <gtest/gtest.h>

namespace sluice::testkit {
namespace {

using namespace std::chrono_literals;
using time_point = load_window::time_point;

const time_point start = std::chrono::steady_clock::now() - 1h;
const load_window window{.began = start, .from = start + 1s, .to = start + 3s};

failure refused() {
  failure error;
  error.code = make_error_code(errc::connection_refused);
  return error;
}

TEST(a_closed_loop, counts_what_is_done_in_the_window_from_when_it_began) {
  tally counts;
  counts.set_window(window, false);
  counts.succeeded(start, start + 999ms);           // in the warm-up
  counts.succeeded(start + 900ms, start + 1s, 10);  // begun before, done within
  counts.succeeded(start + 2s, start + 2500ms, 10);
  counts.succeeded(start + 2900ms, start + 3s);  // done when it was over
  EXPECT_EQ(counts.ok(), 2u);
  EXPECT_EQ(counts.done_in_window(), 2u);
  EXPECT_EQ(counts.bytes_in_window(), 20u);
  EXPECT_EQ(counts.times().longest(), 500ms);
  EXPECT_EQ(counts.ok_so_far(), 4u);  // progress shows all
}

TEST(an_open_loop, counts_what_was_due_in_the_window_however_late_it_is) {
  tally counts;
  counts.set_window(window, true);
  counts.succeeded(start + 999ms, start + 2s);  // due in the warm-up
  counts.succeeded(start + 1s, start + 1100ms);
  counts.succeeded(start + 2999ms, start + 7s);  // four seconds late, and hidden from nobody
  counts.succeeded(start + 3s, start + 3s);      // due when it was over
  EXPECT_EQ(counts.ok(), 2u);
  EXPECT_EQ(counts.times().longest(), 4001ms);
  EXPECT_EQ(counts.done_in_window(), 2u);  // at 1.1 s and, due earlier, at 2 s: the rate at which it went
}

TEST(an_open_loop, counts_failures_of_what_was_due_in_the_window) {
  tally counts;
  counts.set_window(window, true);
  counts.failed(start + 500ms, refused());
  counts.failed(start + 1500ms, refused());
  counts.failed(start + 2s, refused(), "not_resumed");
  EXPECT_EQ(counts.errors(), 2u);
  EXPECT_EQ(counts.settled(), 2u);
  EXPECT_EQ(counts.by_cause(), (std::map<std::string, std::uint64_t>{{"not_resumed", 1}, {"refused", 1}}));
  EXPECT_EQ(counts.first_failure()->code, refused().code);
}

TEST(a_tally, adds_others_up_and_counts_breaks_and_misses_apart_from_operations) {
  tally one, two;
  one.set_window(window, true);
  two.set_window(window, true);
  one.succeeded(start + 2s, start + 2s + 1ms);
  two.failed(start + 2s, refused());
  two.broke(refused());
  one.add(two);
  one.missed(3, refused());
  one.missed(0, refused());
  EXPECT_EQ(one.ok(), 1u);
  EXPECT_EQ(one.settled(), 2u);
  EXPECT_EQ(one.errors(), 5u);
}

TEST(turns, in_a_window_are_counted_without_going_through_them) {
  const auto every = [](std::chrono::nanoseconds period) {
    return [period](std::uint64_t number) {
      return start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(period * number);
    };
  };
  EXPECT_EQ(count_due(window, every(1s)), 2u);  // at 1 s and 2 s; 3 s is over
  EXPECT_EQ(count_due(window, every(100ms)), 20u);
  EXPECT_EQ(count_due(window, every(5s)), 0u);
  EXPECT_EQ(count_due({.began = start, .from = start, .to = start + 1ms}, every(1s)), 1u);
}

}  // namespace
}  // namespace sluice::testkit
