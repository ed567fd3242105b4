// SPDX-License-Identifier: Apache-2.0
// Workers: who is woken, what is thrown at them, and what a module gives them that makes no sense.
#include "pkcs11/supervision.hpp"

#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;

TEST_F(supervision, a_signature_wakes_one_worker_however_many_there_are) {
  test::simulated_pool pool(world_, module_, {.sessions = 64});
  auto& slow = takes("C_Sign", 50ms);
  for (int i = 0; i < 256; ++i) pool.ask();
  world_.sleep_for(10s);
  module_.remove(slow);
  ASSERT_EQ(pool.stats().workers, 64u);
  pool.ask();
  world_.sleep_for(1s);
  const auto before = world_.wake_ups();
  for (int i = 0; i < 100; ++i) {
    pool.ask(1h);
    world_.sleep_for(20ms);
  }
  EXPECT_LE(world_.wake_ups() - before, 101u);
  EXPECT_TRUE(pool.asked().back()->is_good());
}

// Each call of the supervisor is two switches of threads. With every session at work it could start nobody.
TEST_F(supervision, work_that_waits_for_a_session_does_not_wake_the_supervisor) {
  test::simulated_pool pool(world_, module_, {.sessions = 1});
  ASSERT_TRUE(pool.sign().is_good());
  auto& slow = takes("C_Sign", 10s);
  pool.ask(1h);
  world_.sleep_for(1s);
  const auto before = world_.wake_ups();
  for (int i = 0; i < 100; ++i) {
    pool.ask(1h);
    world_.sleep_for(10ms);
  }
  EXPECT_EQ(world_.wake_ups() - before, 0u);
  module_.remove(slow);
  world_.sleep_for(100s);
  EXPECT_TRUE(pool.asked().back()->is_good());
}

TEST_F(supervision, a_thread_is_started_at_once_though_the_supervisor_looks_around_soon) {
  test::simulated_pool pool(world_, module_, {.sessions = 2, .hang_timeout = 300ms});
  ASSERT_TRUE(pool.sign().is_good());
  auto& slow = takes("C_Sign", 250ms);
  pool.ask(1h);
  world_.sleep_for(220ms);  // the supervisor looks again after 80 ms, when the call would count as hung
  const auto threads = world_.threads();
  pool.ask(1h);
  world_.sleep_for(1ms);
  EXPECT_EQ(world_.threads(), threads + 1);
  module_.remove(slow);
  world_.sleep_for(1s);
}

// A worker that hands over an answer takes one piece of work when it is back, and not two.
TEST_F(supervision, a_worker_that_hands_over_an_answer_is_counted_on_for_one_job) {
  auto lib = library::over(module_.core(), {}).value();
  const auto pin = [](const pin_request&) -> result<secret> { return secret(std::string_view("1234")); };
  const auto pool = token_pool::open(std::move(lib), module_.token(), pin, {.sessions = 2}).value();
  const auto submit = [&pool](std::function<void(result<der::bytes>)> done) {
    job work;
    work.key = std::make_shared<key_record>();
    work.work = [](const signing_context&) { return answer_of(CKR_OK); };
    work.done = std::move(done);
    pool->submit(std::move(work));
  };
  std::vector<std::size_t> threads;
  submit([&](const result<der::bytes>&) {
    for (int i = 0; i < 3; ++i) {
      threads.push_back(world_.threads());
      submit([](const result<der::bytes>&) {});
      world_.sleep_for(10ms);
    }
    threads.push_back(world_.threads());
  });
  world_.sleep_for(1s);
  EXPECT_EQ(threads, (std::vector<std::size_t>{2, 2, 3, 3})) << "the supervisor and the worker; then another worker";
}

TEST_F(supervision, a_full_queue_costs_the_caller_no_more_than_an_empty_one) {
  auto lib = library::over(module_.core(), {}).value();
  const auto pin = [](const pin_request&) -> result<secret> { return secret(std::string_view("1234")); };
  const pool_options options{.sessions = 1, .queue_limit = 1000};
  const auto pool = token_pool::open(std::move(lib), module_.token(), pin, options).value();
  auto& hung = hangs("C_FindObjects");
  int asked = 0, answered = 0;
  const auto submit = [&] {
    job work;
    work.key = std::make_shared<key_record>();
    work.work = [](const signing_context&) { return answer_of(CKR_OK); };
    work.is_wanted = [&asked] { return ++asked > 0; };
    work.done = [&answered](const result<der::bytes>&) { ++answered; };
    pool->submit(std::move(work));
  };
  submit();
  world_.sleep_for(1s);
  for (int i = 0; i < 1000; ++i) submit();
  asked = 0;
  submit();
  EXPECT_LE(asked, 4);
  EXPECT_EQ(answered, 1) << "the one that was refused";
  module_.remove(hung);
  world_.sleep_for(60s);
}

TEST_F(supervision, what_is_thrown_at_a_worker_stays_there) {
  auto lib = library::over(module_.core(), {}).value();
  const auto pin = [](const pin_request&) -> result<secret> { throw std::runtime_error("the vault is sealed"); };
  const auto pool = token_pool::open(std::move(lib), module_.token(), pin, {.sessions = 1}).value();
  std::optional<failure> error;
  for (int i = 0; i < 5; ++i) {
    job work;
    work.key = std::make_shared<key_record>();
    work.work = [](const signing_context&) { return answer_of(CKR_OK); };
    work.done = [&error](const result<der::bytes>& outcome) {
      error = outcome.error();
      throw std::runtime_error("by who asked");
    };
    pool->submit(std::move(work));
    world_.sleep_for(1s);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, errc::key_unavailable);
    EXPECT_EQ(error->detail, "the source of its PIN threw: the vault is sealed");
  }
  EXPECT_EQ(pool->stats().circuit_opened, 0u) << "it says nothing of the token";
}

// Lengths and counts for which there is no room, or no memory anywhere.
TEST_F(supervision, senseless_lengths_and_counts_are_errors_of_the_call_and_no_more) {
  for (const CK_ULONG much : {CK_ULONG{100'000}, ~CK_ULONG{0} / 2 + 100, ~CK_ULONG{0}}) {
    test::simulated_pool pool(world_, module_, {.sessions = 1});
    ASSERT_TRUE(pool.sign().is_good());
    for (const CK_RV rv : {CKR_BUFFER_TOO_SMALL, CKR_OK}) {
      goes_wrong({.what = kind::answer, .function = "C_Sign", .value = rv, .times = 1, .says = much});
      EXPECT_EQ(code_name(pool.sign().error->code), "CKR_BUFFER_TOO_SMALL");
    }
    goes_wrong({.what = kind::answer, .function = "C_FindObjects", .value = CKR_OK, .times = 1, .says = much});
    EXPECT_TRUE(pool.sign().is_good()) << "its session was closed, the key is looked for, and again after a probe";
    goes_wrong({.what = kind::answer, .function = "C_GetSlotList", .value = CKR_OK, .times = 1, .says = much});
    EXPECT_FALSE(library::over(module_.core(), {}).value()->slots_with_token()) << much;
    goes_wrong({.what = kind::answer, .function = "C_GetAttributeValue", .value = CKR_OK, .times = 1, .says = much});
    session s(*pool.pool().lib());
    ASSERT_EQ(s.open(0), CKR_OK);
    der::bytes value;
    EXPECT_TRUE(s.attribute(7, CKA_EC_POINT, value) != CKR_OK || value.size() == 67);
    s.close();
    EXPECT_TRUE(pool.sign().is_good()) << much;
  }
}

TEST_F(supervision, a_login_that_hangs_is_passed_over_and_a_pin_of_which_nothing_is_known_is_sent_once) {
  test::simulated_pool known(world_, module_, {.sessions = 1, .hang_timeout = 5s});
  ASSERT_TRUE(known.sign().is_good());
  module_.unplug(0);
  known.ask();
  world_.sleep_for(1s);
  auto& first = hangs("C_Login", 1);
  module_.plug_in(0);
  EXPECT_LT(until_it_signs(known), 9s) << "the token took this PIN before";
  module_.remove(first);

  test::simulated_pool unknown(world_, module_, {.sessions = 1, .hang_timeout = 5s}, initialization::sole_user, 1);
  const auto before = module_.seen.logins;
  auto& second = hangs("C_Login", 1);
  ask_for(unknown, 60s);
  EXPECT_EQ(module_.seen.logins, before);
  EXPECT_EQ(unknown.sign().error->detail, "a login with its PIN has not been answered");
  module_.remove(second);
  EXPECT_LT(until_it_signs(unknown), 3s);
}

TEST_F(supervision, work_that_fails_while_the_pool_closes_is_answered) {
  for (const auto rv : {CKR_DEVICE_ERROR, CKR_SESSION_COUNT}) {
    test::simulated_pool pool(world_, module_, {.sessions = 2});
    ASSERT_TRUE(pool.sign().is_good());
    auto& hung = hangs("C_Sign");
    const auto one = pool.ask();
    const auto two = pool.ask();
    world_.sleep_for(100ms);
    pool.close();
    answers("C_Sign", rv, 1);
    module_.remove(hung);
    world_.sleep_for(10s);
    EXPECT_EQ(one->times, 1);
    EXPECT_EQ(two->times, 1);
    EXPECT_EQ(world_.threads(), 0u);
  }
}

}  // namespace
}  // namespace sluice::pkcs11
