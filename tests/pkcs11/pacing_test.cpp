// SPDX-License-Identifier: Apache-2.0
// Answers that come at once are handed over one after the other, and only once.
#include "pkcs11/pacing.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;
using time_point = pacing::clock_type::time_point;

constexpr time_point start{1h};
constexpr auto share = std::chrono::nanoseconds(20ms) * 3 / 32;

TEST(pacing, an_answer_by_itself_does_not_wait) {
  pacing answers;
  EXPECT_EQ(answers.turn(start, 20ms, 8), start);
  EXPECT_EQ(answers.turn(start + share, 20ms, 8), start + share);
}

TEST(pacing, answers_of_one_moment_are_three_quarters_of_an_even_spread_apart) {
  pacing answers;
  for (int i = 0; i < 8; ++i) EXPECT_EQ(answers.turn(start, 20ms, 8), start + i * share) << i;
}

TEST(pacing, the_share_of_a_token_that_takes_seconds_is_four_milliseconds) {
  pacing answers;
  answers.turn(start, 10s, 1);
  EXPECT_EQ(answers.turn(start, 10s, 1), start + 4ms);
}

// Each session makes its next call at its turn: from the second round on nobody waits.
TEST(pacing, sessions_wait_in_the_first_round_only) {
  pacing answers;
  std::array<time_point, 8> begun;
  begun.fill(start);
  for (int round = 0; round < 5; ++round) {
    for (auto& b : begun) {
      const auto done = b + 20ms;
      const auto turn = answers.turn(done, 20ms, begun.size());
      EXPECT_TRUE(round == 0 || turn == done) << round;
      b = turn;
    }
  }
  EXPECT_EQ(begun.back() - begun.front(), 7 * share);
}

}  // namespace
}  // namespace sluice::pkcs11
