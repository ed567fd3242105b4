// SPDX-License-Identifier: Apache-2.0
// The recovery ladder, rung by rung, on a token that fails on request.
#include "support/faulty.hpp"
#include "support/own_process.hpp"
#include "support/until.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using test::request_for;
using test::until;

class recovery : public testing::Test {
 protected:
  recovery() {
    faulty_.generate("site");
    key_ = faulty_.open("site", {.sessions = 2, .hang_timeout = 1s});
  }
  result<std::vector<std::byte>> sign() const {
    return key_->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256));
  }
  void answer(const std::string& value, const std::string& function = "C_Sign", int nth = 1) const {
    faulty_.script("[[answer]]\nfunction = \"" + function + "\"\nnth = " + std::to_string(nth) + "\nvalue = \"" +
                   value + "\"");
  }
  // Signs until it works again; how long that took.
  clock_type::duration until_it_works(clock_type::duration limit = 20s) const {
    const auto began = clock_type::now();
    while (!sign()) {
      if (clock_type::now() - began > limit) {
        ADD_FAILURE() << "the token did not come back";
        break;
      }
    }
    return clock_type::now() - began;
  }
  const test::faulty_token faulty_;
  std::shared_ptr<key> key_;
};

TEST_F(recovery, a_lost_session_is_opened_anew) {
  for (const auto* value : {"CKR_SESSION_HANDLE_INVALID", "CKR_SESSION_CLOSED"}) {
    const auto before = key_->stats().sessions_reopened;
    answer(value);
    EXPECT_TRUE(sign()) << value;
    EXPECT_EQ(key_->stats().sessions_reopened, before + 1) << value;
  }
}

TEST_F(recovery, all_sessions_lost_are_opened_anew_with_login_and_key) {
  ASSERT_TRUE(sign());
  faulty_.script("[token]\nlose_sessions = 1");
  EXPECT_TRUE(sign());
  const auto now = key_->stats();
  EXPECT_EQ(now.sessions_reopened, 1u);
  EXPECT_EQ(now.logins, 2u);
}

TEST_F(recovery, a_session_is_opened_anew_only_once_a_signature) {
  faulty_.script("[[answer]]\nfunction = \"C_Sign\"\nvalue = \"CKR_SESSION_HANDLE_INVALID\"");
  const auto refused = sign();
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_name(refused.error().code), "CKR_SESSION_HANDLE_INVALID");
  EXPECT_EQ(key_->stats().sessions_reopened, 1u);
  faulty_.behave();
  EXPECT_TRUE(sign());
}

TEST_F(recovery, a_lost_handle_is_found_again) {
  for (const auto* value : {"CKR_OBJECT_HANDLE_INVALID", "CKR_KEY_HANDLE_INVALID"}) {
    const auto before = key_->stats().keys_found_again;
    answer(value, "C_SignInit");
    EXPECT_TRUE(sign()) << value;
    EXPECT_EQ(key_->stats().keys_found_again, before + 1) << value;
  }
  faulty_.script("[token]\nlose_handles = 1");
  EXPECT_TRUE(sign());
}

TEST_F(recovery, a_lost_login_is_made_again) {
  answer("CKR_USER_NOT_LOGGED_IN");
  EXPECT_TRUE(sign());
  EXPECT_EQ(key_->stats().logins, 2u);
}

TEST_F(recovery, a_handle_is_found_again_only_once_a_signature) {
  faulty_.script("[[answer]]\nfunction = \"C_SignInit\"\nvalue = \"CKR_KEY_HANDLE_INVALID\"");
  const auto refused = sign();
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_name(refused.error().code), "CKR_KEY_HANDLE_INVALID");
  EXPECT_EQ(key_->stats().keys_found_again, 1u);
}

TEST_F(recovery, a_login_is_made_again_only_once_a_signature) {
  faulty_.script("[[answer]]\nfunction = \"C_Sign\"\nvalue = \"CKR_USER_NOT_LOGGED_IN\"");
  const auto refused = sign();
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_name(refused.error().code), "CKR_USER_NOT_LOGGED_IN");
  EXPECT_EQ(key_->stats().logins, 2u) << "the first, and one more";
}

TEST_F(recovery, somebody_else_s_logout_is_survived) {
  ASSERT_TRUE(sign());
  faulty_.script("[token]\nlog_out = 1");
  EXPECT_TRUE(sign());
}

TEST_F(recovery, a_fault_of_the_device_that_passes_costs_no_signature) {
  for (const auto* value : {"CKR_DEVICE_ERROR", "CKR_GENERAL_ERROR", "CKR_DEVICE_REMOVED", "CKR_TOKEN_NOT_PRESENT"}) {
    const auto before = key_->stats().circuit_opened;
    answer(value);
    EXPECT_TRUE(sign()) << value;
    EXPECT_EQ(key_->stats().circuit_opened, before + 1) << value;
    EXPECT_EQ(key_->stats().circuit, circuit_state::closed);
  }
}

TEST_F(recovery, a_token_that_is_gone_is_refused_at_once_and_used_again_when_it_returns) {
  ASSERT_TRUE(sign());
  faulty_.script("[token]\nunplugged = true");
  EXPECT_FALSE(sign());
  const auto began = clock_type::now();
  const auto refused = sign();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::token_down);
  EXPECT_EQ(refused.error().code, errc::key_unavailable);
  EXPECT_LT(clock_type::now() - began, 450ms) << "shed at once, not after a probe";
  EXPECT_NE(key_->stats().circuit, circuit_state::closed);
  EXPECT_GT(key_->stats().shed_down, 0u);

  faulty_.behave();
  EXPECT_LT(until_it_works(), 1s) << "a probe at least every 500 ms";
  EXPECT_EQ(key_->stats().circuit, circuit_state::closed);
}

TEST_F(recovery, a_replaced_key_is_refused_with_both_fingerprints) {
  faulty_.generate("intruder", key_type::ec256, 9);
  ASSERT_TRUE(sign());
  faulty_.script("[token]\nlose_handles = 1\n[token.replaced]\nsite = \"intruder\"");
  const auto refused = sign();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::key_mismatch);
  const auto& detail = refused.error().detail;
  const auto first = detail.find("SHA256:");
  ASSERT_NE(first, std::string::npos) << detail;
  EXPECT_NE(detail.find("SHA256:", first + 1), std::string::npos) << detail;
  faulty_.script("[token]\nlose_handles = 2");
  EXPECT_TRUE(sign()) << "the right key is back";
}

TEST_F(recovery, a_call_that_never_returns_costs_its_worker_and_no_more) {
  ASSERT_TRUE(sign());
  faulty_.script("[[hang]]\nfunction = \"C_Sign\"\nnth = 1");
  const auto stuck = sign_and_wait(*key_, request_for(signature_scheme::ecdsa_secp256r1_sha256), 30s);
  ASSERT_FALSE(stuck);
  EXPECT_EQ(stuck.error().code, errc::key_timed_out);
  EXPECT_EQ(stuck.error().detail, "a call of the token has not returned within 1000 ms");
  EXPECT_TRUE(sign()) << "another worker goes on";
  EXPECT_EQ(key_->stats().written_off, 1u);
  faulty_.behave();
}

// Nobody comes along later to notice: the work that waits is what the new worker is for.
TEST_F(recovery, work_that_waits_behind_a_call_that_never_returns_is_done_by_a_new_worker) {
  ASSERT_TRUE(sign());
  faulty_.script("[[hang]]\nfunction = \"C_Sign\"\nnth = 1\n[[hang]]\nfunction = \"C_Sign\"\nnth = 2");
  std::atomic<int> good = 0;
  std::vector<std::thread> all;
  all.reserve(3);
  for (int i = 0; i < 3; ++i) {
    all.emplace_back(
        [&] { good += sign_and_wait(*key_, request_for(signature_scheme::ecdsa_secp256r1_sha256), 30s).has_value(); });
  }
  for (auto& one : all) one.join();
  EXPECT_EQ(good, 1) << "both workers hang, and nothing else is submitted";
  EXPECT_EQ(key_->stats().written_off, 2u);
  faulty_.behave();
}

// Nothing here depends on how long the opening takes: the call hangs until the script says otherwise.
TEST(recovery_of_others, another_key_is_opened_while_a_call_hangs) {
  const test::faulty_token faulty;
  faulty.generate("site");
  faulty.generate("other", key_type::ec256, 2);
  const auto key = faulty.open("site", {.sessions = 2, .hang_timeout = 10min});
  faulty.script("[[hang]]\nfunction = \"C_Sign\"\nnth = 1");
  const auto request = request_for(signature_scheme::ecdsa_secp256r1_sha256);
  std::thread stuck([&] { EXPECT_TRUE(sign_and_wait(*key, request, 10min)) << "it goes on once the token answers"; });
  EXPECT_TRUE(until([&] { return key->stats().sessions_busy == 1; }));
  const auto other = open_key(faulty.uri("other"));
  EXPECT_TRUE(other) << other.error().message();
  EXPECT_TRUE(other && (*other)->sign(request));
  EXPECT_EQ(key->stats().sessions_busy, 1u) << "it hangs still";
  faulty.behave();
  stuck.join();
}

// Two sessions, and eight that take their places.
TEST_F(recovery, when_every_worker_is_stuck_work_is_refused_at_once) {
  faulty_.script("[[hang]]\nfunction = \"C_Sign\"");
  std::atomic<int> hung = 0, refused_later = 0;
  std::vector<std::thread> callers;
  callers.reserve(14);
  for (int i = 0; i < 14; ++i) {
    callers.emplace_back([&] {
      const auto none = sign_and_wait(*key_, request_for(signature_scheme::ecdsa_secp256r1_sha256), 60s);
      hung += !none && none.error().code == errc::key_timed_out;
      refused_later += !none && none.error().code == errc::token_down;
    });
  }
  for (auto& c : callers) c.join();
  EXPECT_EQ(hung, 10) << "answered when their call had lasted as long as a call may";
  EXPECT_EQ(refused_later, 4);
  const auto began = clock_type::now();
  const auto refused = sign_and_wait(*key_, request_for(signature_scheme::ecdsa_secp256r1_sha256), 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::token_down) << refused.error().message();
  EXPECT_LT(clock_type::now() - began, 1s);
  EXPECT_EQ(key_->stats().written_off, 10u);
  EXPECT_LE(key_->stats().sessions_open, 10u);
  faulty_.behave();
  until_it_works();
}

// Re-initialising is for modules that are said to be ours alone: nothing else in the process may use SoftHSM.
const module_options ours{.initialization = initialization::sole_user, .reserved = {}};

struct alone {
  alone() { faulty.generate("site"); }
  test::faulty_token faulty;
  std::shared_ptr<key> open(std::size_t sessions = 8) const {
    return faulty.open("site", {.module = ours, .sessions = sessions});
  }
  bool works(const std::shared_ptr<key>& k) const {
    const auto began = clock_type::now();
    while (!k->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256))) {
      if (clock_type::now() - began > 20s) return false;
    }
    return true;
  }
};

bool everything_fails_until_it_is_initialised_again() {
  const alone a;
  const auto k = a.open();
  a.faulty.script(
      "[[answer]]\nfunction = \"C_OpenSession\"\nvalue = \"CKR_GENERAL_ERROR\"\n[[answer]]\nfunction = "
      "\"C_Sign\"\nvalue = \"CKR_DEVICE_ERROR\"");
  if (k->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256))) return false;
  if (!until([&] { return k->stats().reinitialized != 0; })) return false;
  a.faulty.behave();
  return a.works(k);
}
TEST(last_rung, the_module_is_initialised_again) {
  IN_A_PROCESS_OF_ITS_OWN(everything_fails_until_it_is_initialised_again);
}

bool knows_no_arguments_the_second_time_either() {
  const alone a;
  const std::string kind = "[module]\nknows_no_arguments = true\n";
  a.faulty.script(kind);
  const auto k = a.faulty.open("site");  // in mode standard: C_Initialize alone
  a.faulty.script(kind +
                  "[[answer]]\nfunction = \"C_Sign\"\nnth = 1\nvalue = \"CKR_CRYPTOKI_NOT_INITIALIZED\"\n"
                  "[[answer]]\nfunction = \"C_GetSlotList\"\nnth = 1\nvalue = \"CKR_CRYPTOKI_NOT_INITIALIZED\"");
  return a.works(k) && k->stats().reinitialized == 1;
}
TEST(last_rung, a_module_that_knows_no_arguments_is_initialised_again_without) {
  IN_A_PROCESS_OF_ITS_OWN(knows_no_arguments_the_second_time_either);
}

bool not_while_a_call_is_under_way() {
  const alone a;
  const auto k = a.open(2);
  const std::string hang = "[[hang]]\nfunction = \"C_GenerateKeyPair\"\n";  // which no probe calls
  a.faulty.script(hang);
  std::promise<void> is_open;
  bool is_made = false;
  std::thread stuck([&] {
    auto own = pkcs11::token::open(a.faulty.uri(""), {.module = ours, .is_read_write = true}).value();
    is_open.set_value();
    const std::array id{std::byte{9}};
    is_made = own.generate_key(key_type::ec256, "made meanwhile", id).has_value();
  });
  is_open.get_future().wait();
  a.faulty.script(hang +
                  "[[answer]]\nfunction = \"C_OpenSession\"\nvalue = \"CKR_GENERAL_ERROR\"\n"
                  "[[answer]]\nfunction = \"C_Sign\"\nvalue = \"CKR_DEVICE_ERROR\"");
  const bool is_down = !k->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256));
  const bool is_probed = until([&] { return k->stats().answers["CKR_GENERAL_ERROR"] >= 12; });
  const bool is_left_alone = k->stats().reinitialized == 0;
  a.faulty.behave();
  stuck.join();
  return is_down && is_probed && is_left_alone && is_made && a.works(k);
}
TEST(last_rung, waits_until_nothing_is_in_flight) { IN_A_PROCESS_OF_ITS_OWN(not_while_a_call_is_under_way); }

bool finalized_by_somebody_else() {
  const alone a;
  const auto k = a.faulty.open("site");
  a.faulty.script(
      "[[answer]]\nfunction = \"C_Sign\"\nnth = 1\nvalue = \"CKR_CRYPTOKI_NOT_INITIALIZED\"\n"
      "[[answer]]\nfunction = \"C_GetSlotList\"\nnth = 1\nvalue = \"CKR_CRYPTOKI_NOT_INITIALIZED\"");
  return a.works(k) && k->stats().reinitialized == 1;
}
TEST(last_rung, a_module_finalized_behind_our_back_is_initialised_again) {
  IN_A_PROCESS_OF_ITS_OWN(finalized_by_somebody_else);
}

bool not_ours() {
  testkit::softhsm_home();
  const auto somebody =
      module::load(testkit::softhsm_module().value(), {.initialization = initialization::strict}).value();
  const alone a;
  const auto k = a.open();
  a.faulty.script(
      "[[answer]]\nfunction = \"C_OpenSession\"\nvalue = \"CKR_GENERAL_ERROR\"\n[[answer]]\nfunction = "
      "\"C_Sign\"\nvalue = \"CKR_DEVICE_ERROR\"");
  if (k->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256))) return false;
  if (!until([&] { return k->stats().answers["CKR_GENERAL_ERROR"] >= 12; })) return false;
  a.faulty.behave();
  return a.works(k) && k->stats().reinitialized == 0;
}
TEST(last_rung, a_module_that_the_program_initialised_is_left_alone) { IN_A_PROCESS_OF_ITS_OWN(not_ours); }

// Its handle is from before, and so is its login.
bool opens_a_session_of_one_s_own_anew() {
  const alone a;
  const auto k = a.open();
  const auto own = pkcs11::token::open(a.faulty.uri(""), {.module = ours}).value();
  a.faulty.script("[[answer]]\nfunction = \"C_Sign\"\nvalue = \"CKR_FUNCTION_FAILED\"\nuntil_finalize = true");
  if (!a.works(k) || k->stats().reinitialized != 1) return false;
  const auto now = own.status();
  return now && now->is_logged_in && own.keys().value().size() == 1;
}
TEST(last_rung, leaves_an_administrator_s_session_usable) {
  IN_A_PROCESS_OF_ITS_OWN(opens_a_session_of_one_s_own_anew);
}

// A token that cannot sign until C_Finalize, in mode standard: that is not ours to call, and the error says so.
bool never_in_mode_standard() {
  const alone a;
  const auto k = a.faulty.open("site");
  a.faulty.script("[[answer]]\nfunction = \"C_Sign\"\nvalue = \"CKR_DEVICE_ERROR\"");
  const auto began = clock_type::now();
  std::string remedy;
  while (remedy.find("C_Finalize") == remedy.npos && clock_type::now() - began < 30s) {
    const auto refused = sign_and_wait(*k, request_for(signature_scheme::ecdsa_secp256r1_sha256), 5s);
    if (refused) return false;
    remedy = refused.error().remedy;
  }
  const bool is_said = remedy.find("mode standard") != remedy.npos;
  a.faulty.behave();
  return is_said && a.works(k) && k->stats().reinitialized == 0;
}
TEST(last_rung, is_never_reached_in_mode_standard_and_says_so) { IN_A_PROCESS_OF_ITS_OWN(never_in_mode_standard); }

}  // namespace
}  // namespace sluice::pkcs11
