// SPDX-License-Identifier: Apache-2.0
// Who makes progress when a worker does not: hours of a token's troubles, on a clock of the test's own.
#include "pkcs11/supervision.hpp"

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;

TEST_F(supervision, a_token_whose_probes_take_twelve_seconds_is_used_again_when_it_is_back) {
  for (const std::size_t sessions : {1u, 8u}) {
    test::simulated_pool pool(world_, module_, {.sessions = sessions});
    ASSERT_TRUE(pool.sign().is_good());
    auto& slow = takes("C_GetSlotList", 12s);
    module_.unplug(0);
    ask_for(pool, 10min);
    module_.plug_in(0);
    module_.remove(slow);
    EXPECT_LT(until_it_signs(pool), 13s) << "those that are in a slow call are back by then";
    EXPECT_EQ(pool.stats().circuit, circuit_state::closed);
  }
}

TEST_F(supervision, a_probe_that_hangs_is_replaced) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  ASSERT_TRUE(pool.sign().is_good());
  answers("C_Sign", CKR_DEVICE_ERROR, 1);
  auto& hung = hangs("C_OpenSession", 1);
  pool.ask();
  EXPECT_LT(until_it_signs(pool), 3s);
  EXPECT_EQ(pool.stats().circuit, circuit_state::closed);
  module_.remove(hung);
}

// A token that answers is not one that signs: while it does not, nobody is served, and nobody stops trying.
TEST_F(supervision, a_token_that_does_not_sign_is_probed_all_along_beside_a_probe_that_hangs) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  ASSERT_TRUE(pool.sign().is_good());
  auto& broken = answers("C_Sign", CKR_DEVICE_ERROR);
  auto& hung = hangs("C_OpenSession", 1);
  const auto began = world_.now();
  ask_for(pool, 25s, 1s);
  EXPECT_LE(pool.last_good(), began);
  EXPECT_EQ(pool.sign().error->code, errc::token_down);
  EXPECT_GT(pool.stats().answers.at("CKR_DEVICE_ERROR"), 40u) << "every half second";
  module_.remove(broken);
  EXPECT_LT(until_it_signs(pool), 600ms) << "the one probe hangs still";
  EXPECT_EQ(pool.stats().circuit, circuit_state::closed);
  module_.remove(hung);
}

// Nobody comes along meanwhile to ask for anything.
TEST_F(supervision, a_probe_that_hangs_is_replaced_without_another_request) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  ASSERT_TRUE(pool.sign().is_good());
  answers("C_Sign", CKR_DEVICE_ERROR, 1);
  auto& hung = hangs("C_OpenSession", 1);
  pool.ask(1h);
  world_.sleep_for(3s);
  EXPECT_EQ(pool.stats().circuit, circuit_state::closed);
  module_.remove(hung);
}

TEST_F(supervision, wake_ups_without_a_reason_change_nothing) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  ASSERT_TRUE(pool.sign().is_good());  // its worker was started for it, and has never been woken
  for (int i = 0; i < 3; ++i) {
    world_.wake_for_no_reason();
    world_.sleep_for(1s);
    EXPECT_TRUE(pool.sign().is_good()) << i;
  }
  EXPECT_EQ(pool.stats().workers, 1u);
  EXPECT_EQ(pool.stats().sessions_open, 1u);
  EXPECT_EQ(pool.stats().written_off, 0u);
}

TEST_F(supervision, threads_that_cannot_be_had_are_no_workers_and_are_asked_for_again) {
  test::simulated_pool pool(world_, module_, {.sessions = 4});
  ASSERT_TRUE(pool.sign().is_good());
  auto& slow = takes("C_Sign", 200ms);
  world_.refuses_threads = true;
  for (int i = 0; i < 8; ++i) pool.ask();
  world_.sleep_for(1s);
  EXPECT_EQ(pool.stats().workers, 1u);
  EXPECT_EQ(pool.stats().sessions_open, 1u);
  world_.sleep_for(1s);
  world_.refuses_threads = false;
  for (int i = 0; i < 16; ++i) pool.ask();
  world_.sleep_for(1200ms);
  for (const auto& one : pool.asked()) EXPECT_TRUE(one->is_good());
  EXPECT_EQ(pool.stats().workers, 4u);
  module_.remove(slow);
}

TEST_F(supervision, a_pool_without_a_thread_to_look_after_it_is_not_opened) {
  world_.refuses_threads = true;
  auto lib = library::over(module_.core(), {}).value();
  const auto none = token_pool::open(std::move(lib), module_.token(), {}, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::key_unavailable);
  EXPECT_EQ(none.error().detail, "the system has no thread for its supervisor");
}

TEST_F(supervision, sessions_grow_back_to_what_was_configured) {
  test::simulated_pool pool(world_, module_, {.sessions = 8});
  takes("C_Sign", 50ms);
  module_.session_limit = 1;
  for (int i = 0; i < 16; ++i) pool.ask();
  world_.sleep_for(1s);
  EXPECT_EQ(pool.stats().session_limit, 1u);
  EXPECT_LE(pool.stats().answers.at("CKR_SESSION_COUNT"), 7u);
  module_.session_limit = 0;
  for (int i = 0; i < 2000; ++i) {
    pool.ask(1h);
    world_.sleep_for(5ms);
  }
  EXPECT_EQ(pool.stats().session_limit, 8u);
  EXPECT_EQ(module_.seen.max_sessions, 8u);
}

TEST_F(supervision, a_token_that_has_one_session_for_good_is_asked_for_more_ever_less_often) {
  test::simulated_pool pool(world_, module_, {.sessions = 8});
  module_.session_limit = 1;
  for (int i = 0; i < 36'000; ++i) {
    pool.ask(1h);
    pool.ask(1h);
    world_.sleep_for(100ms);
  }
  EXPECT_LT(pool.stats().answers.at("CKR_SESSION_COUNT"), 80u) << "in an hour";
  EXPECT_EQ(pool.stats().failures, 0u);
}

TEST_F(supervision, a_token_that_is_slow_costs_no_worker_though_no_caller_waits_so_long) {
  test::simulated_pool pool(world_, module_, {.sessions = 4});
  takes("C_Sign", 400ms);
  ask_for(pool, 60s, 200ms);
  EXPECT_EQ(pool.stats().written_off, 0u);
  EXPECT_LE(module_.seen.max_sessions, 4u);
}

TEST_F(supervision, a_call_that_hangs_is_replaced_after_hang_timeout_and_taken_back_when_it_returns) {
  test::simulated_pool pool(world_, module_, {.sessions = 1, .hang_timeout = 5s});
  auto& hung = hangs("C_Sign", 1);
  const auto first = pool.ask(1h);
  const auto second = pool.ask(1h);
  world_.sleep_for(4900ms);
  EXPECT_EQ(first->times, 0);
  world_.sleep_for(200ms);
  ASSERT_TRUE(first->error);
  EXPECT_EQ(first->error->code, errc::key_timed_out);
  EXPECT_EQ(first->error->detail, "a call of the token has not returned within 5000 ms");
  EXPECT_TRUE(second->is_good());
  EXPECT_EQ(pool.stats().written_off, 1u);
  EXPECT_EQ(module_.sessions(), 2u);
  module_.remove(hung);
  world_.sleep_for(1s);
  EXPECT_EQ(first->times, 1) << "what came too late finds nobody";
  EXPECT_EQ(pool.stats().workers, 1u);
  EXPECT_EQ(module_.sessions(), 1u);
  EXPECT_TRUE(pool.sign().is_good());
}

TEST_F(supervision, a_call_that_hangs_is_counted_without_another_request) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  auto& hung = hangs("C_Sign");
  pool.ask(200ms);
  world_.sleep_for(31s);
  EXPECT_EQ(pool.stats().written_off, 1u);
  module_.remove(hung);
}

TEST_F(supervision, probes_back_off_to_half_a_second_and_not_further) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  module_.unplug(0);
  EXPECT_FALSE(pool.sign().is_good());
  const auto before = module_.seen.slot_lists;
  world_.sleep_for(1h);
  const auto probes = (module_.seen.slot_lists - before) / 2;  // how many slots there are, and which
  EXPECT_GT(probes, 7'000u);
  EXPECT_LT(probes, 9'700u) << "every half second, or a quarter sooner";
  module_.plug_in(0);
  EXPECT_LT(until_it_signs(pool), 600ms);
}

TEST_F(supervision, what_a_client_negotiates_opens_no_circuit_and_costs_no_session) {
  test::simulated_pool pool(world_, module_, {.sessions = 1});
  ASSERT_TRUE(pool.sign().is_good());
  for (const auto rv : {CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID, CKR_KEY_TYPE_INCONSISTENT,
                        CKR_KEY_SIZE_RANGE, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_DATA_INVALID, CKR_DATA_LEN_RANGE}) {
    auto& fault = answers("C_SignInit", rv);
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(pool.sign().is_good());
    module_.remove(fault);
    EXPECT_TRUE(pool.sign().is_good()) << ckr_text(rv);
  }
  EXPECT_EQ(pool.stats().circuit_opened, 0u);
  EXPECT_EQ(pool.stats().answers.at("CKR_MECHANISM_INVALID"), 10u);
}

// A token that answers a code of its own to one of the signatures that clients may ask for.
TEST_F(supervision, one_kind_of_signature_that_fails_with_any_code_does_not_keep_the_others) {
  for (const CK_RV rv : {CKR_DEVICE_ERROR, CKR_HOST_MEMORY, CK_RV{0x80000042}}) {
    test::simulated_pool pool(world_, module_, {.sessions = 2});
    auto& fault = goes_wrong({.what = kind::answer, .function = "C_Sign", .value = rv, .input_size = 48});
    int refused = 0;
    for (int i = 0; i < 600; ++i) {
      pool.ask(5s, signature_scheme::ecdsa_secp384r1_sha384);
      refused += !pool.sign().is_good();
      world_.sleep_for(100ms);
    }
    EXPECT_EQ(refused, 0) << ckr_text(rv);
    EXPECT_LT(pool.stats().circuit_opened, 10u) << ckr_text(rv);
    module_.remove(fault);
  }
}

TEST_F(supervision, any_code_three_times_in_a_row_has_the_token_probed_with_a_signature) {
  for (const CK_RV rv : {CKR_FUNCTION_FAILED, CKR_SESSION_HANDLE_INVALID, CKR_ARGUMENTS_BAD, CK_RV{0x80000042}}) {
    test::simulated_pool pool(world_, module_, {.sessions = 2});
    auto& fault = answers("C_Sign", rv);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(code_name(pool.sign().error->code), ckr_text(rv));
    EXPECT_EQ(pool.stats().circuit_opened, 0u) << ckr_text(rv);
    EXPECT_EQ(pool.sign().error->code, errc::token_down);
    EXPECT_EQ(pool.sign().error->detail, "its last answer was " + ckr_text(rv));
    module_.remove(fault);
    EXPECT_LT(until_it_signs(pool), 1s);
  }
}

TEST_F(supervision, what_lasts_until_finalize_is_ended_by_it_where_the_module_is_ours_alone) {
  for (const auto* function : {"C_Sign", "C_FindObjects", "C_OpenSession", "C_Login"}) {
    test::simulated_pool pool(world_, module_, {.sessions = 2});
    const auto before = module_.seen.finalized;
    goes_wrong({.what = kind::answer, .function = function, .value = CKR_DEVICE_ERROR, .ends_at_finalize = true});
    EXPECT_LT(until_it_signs(pool), 5s) << function;
    EXPECT_EQ(module_.seen.finalized, before + 1) << function;
    EXPECT_EQ(pool.stats().reinitialized, 1u);
  }
}

TEST_F(supervision, a_session_lost_on_the_way_to_the_key_is_opened_anew_like_one_lost_in_the_signature) {
  test::simulated_pool pool(world_, module_, {.sessions = 1});
  ASSERT_TRUE(pool.sign().is_good());
  answers("C_SignInit", CKR_SESSION_HANDLE_INVALID, 1);
  answers("C_FindObjects", CKR_SESSION_HANDLE_INVALID, 1);
  EXPECT_TRUE(pool.sign().is_good());
  EXPECT_EQ(pool.stats().sessions_reopened, 2u);
}

TEST_F(supervision, what_old_sessions_cannot_do_new_ones_do) {
  test::simulated_pool pool(world_, module_, {.sessions = 4});
  auto& slow = takes("C_Sign", 20ms);
  for (int i = 0; i < 16; ++i) pool.ask();
  world_.sleep_for(1s);
  module_.remove(slow);
  goes_wrong({.what = kind::answer, .function = "C_Sign", .value = CKR_FUNCTION_FAILED, .is_of_old_sessions = true});
  EXPECT_LT(until_it_signs(pool), 1s);
  EXPECT_EQ(module_.seen.finalized, 0u);
}

// --- C_Finalize. ---

TEST_F(supervision, in_mode_standard_the_module_is_never_finalized_and_the_error_says_so) {
  test::simulated_pool pool(world_, module_, {.sessions = 2}, initialization::standard);
  goes_wrong({.what = kind::answer, .function = "C_Sign", .value = CKR_DEVICE_ERROR, .ends_at_finalize = true});
  ask_for(pool, 60s);
  EXPECT_EQ(module_.seen.finalized, 0u);
  EXPECT_EQ(pool.sign().error->remedy,
            "it is probed every half second and used again as soon as it answers; C_Finalize, which may be what it "
            "needs, is not called: the module is not finalised in mode standard or omit");
}

TEST_F(supervision, a_call_that_hangs_keeps_the_module_from_being_finalized) {
  test::simulated_pool pool(world_, module_, {.sessions = 2});
  auto& hung = hangs("C_Sign", 1);
  pool.ask(1s);
  world_.sleep_for(100ms);
  goes_wrong({.what = kind::answer, .function = "C_OpenSession", .value = CKR_DEVICE_ERROR, .ends_at_finalize = true});
  answers("C_Sign", CKR_DEVICE_ERROR, 1);
  ask_for(pool, 60s);
  EXPECT_EQ(module_.seen.finalized, 0u);
  EXPECT_NE(pool.sign().error->remedy.find("a call of the module has not returned"), std::string::npos);
  module_.remove(hung);
  EXPECT_LT(until_it_signs(pool), 5s);
  EXPECT_EQ(module_.seen.finalized, 1u);
}

TEST_F(supervision, a_module_is_finalized_when_each_of_its_tokens_is_down_and_no_sooner) {
  test::simulated_pool one(world_, module_, {.sessions = 1});
  test::simulated_pool two(world_, module_, {.sessions = 1}, initialization::sole_user, 1);
  ASSERT_TRUE(one.sign().is_good() && two.sign().is_good());
  module_.unplug(0);
  for (int i = 0; i < 300; ++i) {
    one.ask();
    EXPECT_TRUE(two.sign().is_good());
    world_.sleep_for(100ms);
  }
  EXPECT_EQ(module_.seen.finalized, 0u);
  EXPECT_NE(one.sign().error->remedy.find("another token of the module is in use"), std::string::npos);
  module_.unplug(1);
  for (int i = 0; i < 100; ++i) {
    one.ask();
    two.ask();
    world_.sleep_for(100ms);
  }
  EXPECT_GT(module_.seen.finalized, 0u);
  module_.plug_in(0);
  module_.plug_in(1);
  EXPECT_LT(until_it_signs(one), 2s);
  EXPECT_LT(until_it_signs(two), 2s);
}

TEST_F(supervision, somebody_else_s_load_of_the_module_keeps_it_from_being_finalized) {
  test::simulated_pool pool(world_, module_, {.sessions = 1});
  auto guest = library::over(module_.core(), {}).value();
  module_.unplug(0);
  ask_for(pool, 30s);
  EXPECT_EQ(module_.seen.finalized, 0u);
  EXPECT_NE(pool.sign().error->remedy.find("other code in this process uses the module"), std::string::npos);
  guest.reset();
  ask_for(pool, 30s);
  EXPECT_GT(module_.seen.finalized, 0u);
}

}  // namespace
}  // namespace sluice::pkcs11
