// SPDX-License-Identifier: Apache-2.0
// The faulty module by itself, as docs/faulty-token.md describes it: each of its ways to misbehave, called directly.
#include "support/faulty.hpp"

#include "pkcs11/session.hpp"
#include "pkcs11/tokens.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

class faulty_module : public testing::Test {
 protected:
  faulty_module() { faulty_.generate("site"); }
  CK_TOKEN_INFO info() const {
    CK_TOKEN_INFO made{};
    EXPECT_EQ(lib_->call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot_, &made), CKR_OK);
    return made;
  }
  CK_RV ask() const {  // any call will do
    CK_SLOT_INFO made{};
    return lib_->call(&CK_FUNCTION_LIST::C_GetSlotInfo, slot_, &made);
  }
  CK_OBJECT_HANDLE site(const session& s, const std::string& label = "site") const {
    std::vector<CK_OBJECT_HANDLE> found;
    EXPECT_EQ(s.find({.label = label}, found), CKR_OK);
    return found.empty() ? CK_INVALID_HANDLE : found.front();
  }
  CK_RV size_of(const session& s, CK_OBJECT_HANDLE object) const {
    CK_ULONG size = 0;
    return lib_->call(&CK_FUNCTION_LIST::C_GetObjectSize, s.handle(), object, &size);
  }
  void answer(const std::string& how, const std::string& function = "C_GetSlotInfo") const {
    faulty_.script("[[answer]]\nfunction = \"" + function + "\"\nvalue = \"CKR_DEVICE_MEMORY\"\n" + how);
  }

  const test::faulty_token faulty_;
  const std::shared_ptr<library> lib_ = library::load(test::faulty_token::module_path(), {}).value();
  const CK_SLOT_ID slot_ = find_token(*lib_, uri::parse(faulty_.uri("")).value()).value().slot;
};

TEST_F(faulty_module, takes_its_time_fixed_or_between_two_bounds_by_function_or_for_all_others) {
  for (const auto* latency : {"C_GetSlotInfo = \"30ms\"", "C_GetSlotInfo = \"30ms..40ms\"", "\"*\" = \"30ms\""}) {
    faulty_.script(std::string("[latency]\n") + latency);
    const auto began = clock_type::now();
    EXPECT_EQ(ask(), CKR_OK);
    EXPECT_GE(clock_type::now() - began, 30ms) << latency;
  }
}

TEST_F(faulty_module, answers_as_scripted_to_the_nth_call_to_every_nth_to_some_or_to_all) {
  const auto answers = [&](const std::string& how) {
    answer(how);
    std::string seen;
    for (int i = 0; i < 6; ++i) seen += ask() == CKR_DEVICE_MEMORY ? 'x' : '.';
    return seen;
  };
  EXPECT_EQ(answers("nth = 3"), "..x...");
  EXPECT_EQ(answers("every = 2"), ".x.x.x");
  EXPECT_EQ(answers("probability = 0.0"), "......");
  EXPECT_EQ(answers(""), "xxxxxx");
  answer("", "*");
  EXPECT_EQ(ask(), CKR_DEVICE_MEMORY);
  faulty_.script("[[answer]]\nfunction = \"C_GetSlotInfo\"\nvalue = \"0x80000001\"");
  EXPECT_EQ(ask(), CK_RV{0x80000001});
}

TEST_F(faulty_module, answers_before_or_after_it_did_the_work) {
  for (const bool is_after : {false, true}) {
    answer(is_after ? "after = true" : "", "C_OpenSession");
    session s(*lib_);
    EXPECT_EQ(s.open(slot_), CKR_DEVICE_MEMORY);
    EXPECT_EQ(info().ulSessionCount, is_after ? 1u : 0u);
  }
}

TEST_F(faulty_module, answers_in_old_sessions_only) {
  session before(*lib_), after(*lib_);
  ASSERT_EQ(before.open(slot_), CKR_OK);
  answer("old_sessions = true", "C_GetSessionInfo");
  EXPECT_EQ(ask(), CKR_OK);  // the script is read
  ASSERT_EQ(after.open(slot_), CKR_OK);
  CK_SESSION_INFO info{};
  EXPECT_EQ(lib_->call(&CK_FUNCTION_LIST::C_GetSessionInfo, before.handle(), &info), CKR_DEVICE_MEMORY);
  EXPECT_EQ(lib_->call(&CK_FUNCTION_LIST::C_GetSessionInfo, after.handle(), &info), CKR_OK);
}

TEST_F(faulty_module, answers_until_it_is_finalized) {
  answer("until_finalize = true");
  EXPECT_EQ(ask(), CKR_DEVICE_MEMORY);
  EXPECT_EQ(ask(), CKR_DEVICE_MEMORY);
  EXPECT_EQ(lib_->call(&CK_FUNCTION_LIST::C_Finalize, nullptr), CKR_OK);
  EXPECT_EQ(lib_->call(&CK_FUNCTION_LIST::C_Initialize, nullptr), CKR_OK);
  EXPECT_NE(ask(), CKR_DEVICE_MEMORY);  // SoftHSM may have given the token another slot
}

TEST_F(faulty_module, knows_a_wrong_pin_for_one_signature) {
  faulty_.script("[token]\nalways_authenticate = true\n[pin]\ntries = 2");
  session s(*lib_);
  ASSERT_EQ(s.open(slot_), CKR_OK);
  ASSERT_EQ(s.login(CKU_USER, faulty_.real().pin()), CKR_OK);
  EXPECT_EQ(s.login(CKU_CONTEXT_SPECIFIC, "000000"), CKR_PIN_INCORRECT);
  EXPECT_TRUE((info().flags & CKF_USER_PIN_FINAL_TRY) != 0);
  EXPECT_EQ(s.login(CKU_CONTEXT_SPECIFIC, faulty_.real().pin()), CKR_OK);
  EXPECT_EQ(s.login(CKU_CONTEXT_SPECIFIC, "000000"), CKR_PIN_INCORRECT);
  EXPECT_EQ(s.login(CKU_CONTEXT_SPECIFIC, "000001"), CKR_PIN_INCORRECT);
  EXPECT_EQ(s.login(CKU_CONTEXT_SPECIFIC, faulty_.real().pin()), CKR_PIN_LOCKED);
}

TEST_F(faulty_module, hangs_until_its_script_changes) {
  faulty_.script("[[hang]]\nfunction = \"C_GetSlotInfo\"\nnth = 1");
  auto hung = std::async(std::launch::async, [this] { return ask(); });
  EXPECT_EQ(hung.wait_for(100ms), std::future_status::timeout);
  faulty_.behave();
  EXPECT_EQ(hung.get(), CKR_OK);
}

TEST_F(faulty_module, loses_sessions_and_handles_and_finds_another_key_by_the_name) {
  faulty_.generate("other", key_type::ec256, 2);
  session s(*lib_);
  ASSERT_EQ(s.open(slot_), CKR_OK);
  ASSERT_EQ(s.login(CKU_USER, faulty_.real().pin()), CKR_OK);
  const auto before = site(s);
  faulty_.script("[token]\nlose_handles = 1");
  EXPECT_EQ(size_of(s, before), CKR_OBJECT_HANDLE_INVALID);
  const auto after = site(s);
  EXPECT_NE(size_of(s, after), CKR_OBJECT_HANDLE_INVALID) << "a handle of now is good for every function";
  faulty_.script("[token]\nlose_handles = 1\nreplaced = { site = \"other\" }");
  const auto replaced = site(s);
  EXPECT_NE(replaced, after);
  EXPECT_EQ(replaced, site(s, "other"));
  faulty_.script("[token]\nlose_handles = 1\nlose_sessions = 1");
  EXPECT_EQ(size_of(s, after), CKR_SESSION_HANDLE_INVALID);
  EXPECT_EQ(info().ulSessionCount, 0u);
}

TEST_F(faulty_module, is_unplugged_and_its_sessions_do_not_come_back_with_it) {
  session s(*lib_);
  ASSERT_EQ(s.open(slot_), CKR_OK);
  faulty_.script("[token]\nunplugged = true");
  CK_ULONG count = 1;
  EXPECT_EQ(lib_->call(&CK_FUNCTION_LIST::C_GetSlotList, CK_BBOOL{CK_TRUE}, nullptr, &count), CKR_OK);
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(session(*lib_).open(slot_), CKR_TOKEN_NOT_PRESENT);
  EXPECT_EQ(size_of(s, 1), CKR_DEVICE_REMOVED);
  faulty_.behave();
  EXPECT_EQ(size_of(s, 1), CKR_SESSION_HANDLE_INVALID);
  EXPECT_EQ(session(*lib_).open(slot_), CKR_OK);
}

TEST_F(faulty_module, has_a_limit_of_sessions_and_counts_them_when_all_are_closed_at_once_too) {
  faulty_.script("[token]\nsession_limit = 2\nannounces_session_limit = true");
  EXPECT_EQ(info().ulMaxRwSessionCount, 2u);
  session one(*lib_), two(*lib_), three(*lib_);
  EXPECT_EQ(one.open(slot_), CKR_OK);
  EXPECT_EQ(two.open(slot_), CKR_OK);
  EXPECT_EQ(three.open(slot_), CKR_SESSION_COUNT);
  EXPECT_EQ(info().ulSessionCount, 2u);
  EXPECT_EQ(lib_->call(&CK_FUNCTION_LIST::C_CloseAllSessions, slot_), CKR_OK);
  EXPECT_EQ(info().ulSessionCount, 0u);
  EXPECT_EQ(three.open(slot_), CKR_OK);
}

TEST_F(faulty_module, locks_its_pin_after_a_number_of_wrong_ones_with_the_flags_on_the_way_there) {
  faulty_.script("[pin]\ntries = 2");
  const auto flags = [this](CK_FLAGS which) { return (info().flags & which) != 0; };
  session s(*lib_);
  ASSERT_EQ(s.open(slot_), CKR_OK);
  EXPECT_FALSE(flags(CKF_USER_PIN_COUNT_LOW));
  EXPECT_EQ(s.login(CKU_USER, "000000"), CKR_PIN_INCORRECT);
  EXPECT_TRUE(flags(CKF_USER_PIN_COUNT_LOW));
  EXPECT_TRUE(flags(CKF_USER_PIN_FINAL_TRY));
  EXPECT_EQ(s.login(CKU_USER, "000001"), CKR_PIN_INCORRECT);
  EXPECT_TRUE(flags(CKF_USER_PIN_LOCKED));
  EXPECT_EQ(s.login(CKU_USER, faulty_.real().pin()), CKR_PIN_LOCKED) << "the right one comes too late";
  faulty_.behave();
  EXPECT_EQ(s.login(CKU_USER, faulty_.real().pin()), CKR_OK);
}

TEST_F(faulty_module, that_is_single_threaded_notices_a_call_during_another) {
  faulty_.script("[module]\nsingle_threaded = true\n[latency]\nC_GetSlotInfo = \"300ms\"");
  auto first = std::async(std::launch::async, [this] { return ask(); });
  bool was_noticed = false;
  while (!was_noticed && first.wait_for(1ms) == std::future_status::timeout) {
    CK_INFO made{};
    was_noticed = lib_->call(&CK_FUNCTION_LIST::C_GetInfo, &made) == CKR_GENERAL_ERROR;
  }
  EXPECT_TRUE(was_noticed);
}

TEST_F(faulty_module, keeps_the_script_before_one_that_it_cannot_read) {
  answer("");
  ASSERT_EQ(ask(), CKR_DEVICE_MEMORY);  // a script is read when somebody calls
  for (const auto* broken : {"[[answer]\n", "[tokn]\nunplugged = true", "[latency]\nC_Sign = \"soon\""}) {
    faulty_.script(broken);
    EXPECT_EQ(ask(), CKR_DEVICE_MEMORY) << broken;
  }
}

}  // namespace
}  // namespace sluice::pkcs11
