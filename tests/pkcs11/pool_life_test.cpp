// SPDX-License-Identifier: Apache-2.0
// What a pool says of its work, and how it ends.
#include "pkcs11/supervision.hpp"

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;

struct pool_life : supervision {};

TEST_F(pool_life, load_is_what_waits_and_what_is_under_way_for_each_session) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  ASSERT_TRUE(pool.sign().is_good());
  EXPECT_EQ(pool.pool().load(), 0.0);
  auto& slow = takes("C_Sign", 1s);
  pool.ask();
  world_.sleep_for(100ms);
  EXPECT_EQ(pool.pool().load(), 0.5) << "one at work";
  pool.ask();
  pool.ask();
  world_.sleep_for(100ms);
  EXPECT_EQ(pool.pool().load(), 1.5) << "two at work, and one waits";
  world_.sleep_for(10s);
  EXPECT_EQ(pool.pool().load(), 0.0);
  module_.remove(slow);
  answers("C_Sign", CKR_DEVICE_REMOVED);
  pool.ask();
  world_.sleep_for(1s);
  EXPECT_EQ(pool.stats().circuit != circuit_state::closed, true);
  EXPECT_GT(pool.pool().load(), 1e6) << "a group of keys asks every other token first";
}

TEST_F(pool_life, one_signature_after_another_needs_one_session) {
  test::simulated_pool pool(world_, module_, {.sessions = 6});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool.sign().is_good());
  EXPECT_EQ(pool.stats().workers, 1u);
  EXPECT_EQ(module_.seen.max_sessions, 1u);
}

TEST_F(pool_life, a_session_is_counted_once_it_is_open) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  ASSERT_TRUE(pool.sign().is_good());
  takes("C_OpenSession", 1s);
  takes("C_Sign", 500ms);
  for (int i = 0; i < 3; ++i) pool.ask();
  world_.sleep_for(200ms);
  EXPECT_EQ(pool.stats().workers, 2u);
  EXPECT_EQ(pool.stats().sessions_open, 1u);
  world_.sleep_for(1s);
  EXPECT_EQ(pool.stats().sessions_open, 2u);
  EXPECT_EQ(module_.sessions(), 2u);
}

TEST_F(pool_life, closing_waits_for_the_calls_under_way) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  ASSERT_TRUE(pool.sign().is_good());
  takes("C_Sign", 1s);
  const auto under_way = pool.ask(), waiting = pool.ask(), behind = pool.ask();
  world_.sleep_for(100ms);
  ASSERT_EQ(pool.stats().sessions_busy, 2u);
  const auto began = world_.now();
  pool.close();
  EXPECT_GE(world_.now() - began, 900ms);
  EXPECT_LT(world_.now() - began, 1s);
  EXPECT_EQ(module_.inside(), 0u);
  EXPECT_EQ(module_.sessions(), 0u);
  EXPECT_TRUE(under_way->is_good());
  EXPECT_TRUE(waiting->is_good());
  ASSERT_TRUE(behind->error);
  EXPECT_EQ(behind->error->code, errc::key_unavailable);
  EXPECT_EQ(behind->error->detail, "the key is being closed");
}

TEST_F(pool_life, closing_does_not_wait_for_ever_for_a_call_that_hangs) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  ASSERT_TRUE(pool.sign().is_good());
  auto& hung = hangs("C_Sign");
  const auto lost = pool.ask(1h);
  world_.sleep_for(100ms);
  const auto began = world_.now();
  pool.close();
  EXPECT_EQ(world_.now() - began, 2s);
  EXPECT_EQ(module_.inside(), 1u);
  module_.remove(hung);
  world_.sleep_for(1s);
  EXPECT_EQ(module_.inside(), 0u);
  EXPECT_EQ(module_.sessions(), 0u);
  EXPECT_EQ(lost->times, 1);
}

}  // namespace
}  // namespace sluice::pkcs11
