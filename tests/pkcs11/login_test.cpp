// SPDX-License-Identifier: Apache-2.0
// PINs: where they come from, and the care not to lock a token.
#include "support/faulty.hpp"
#include "support/until.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;
using test::request_for;

class login : public testing::Test {
 protected:
  login() { faulty_.generate("site"); }
  std::string pin_file(const std::string& name, const std::string& pin) const {
    return testkit::softhsm_home().write(name, pin);
  }
  result<std::shared_ptr<key>> open(const key_options& options = {}, const std::string& file = {}) const {
    return open_key(faulty_.uri("site", file), options);
  }
  // The URI without any PIN in it.
  std::string bare_uri() const {
    auto u = uri::parse(faulty_.uri("site")).value();
    u.pin_source.clear();
    return u.to_string();
  }
  static error_code ckr(unsigned long rv) { return {static_cast<int>(rv), pkcs11_category()}; }
  const test::faulty_token faulty_;
  const sign_request request_ = request_for(signature_scheme::ecdsa_secp256r1_sha256);
};

constexpr unsigned long pin_incorrect = 0xa0, pin_expired = 0xa3, pin_locked = 0xa4;

TEST_F(login, takes_the_pin_from_a_file_an_environment_variable_a_callback_or_the_uri) {
  EXPECT_TRUE(open());
  ::setenv("SLUICE_TEST_PIN", faulty_.real().pin().c_str(), 1);
  EXPECT_TRUE(open_key(bare_uri() + "&pin-source=env:SLUICE_TEST_PIN"));
  EXPECT_TRUE(open_key(bare_uri() + "&pin-value=" + faulty_.real().pin()));
  std::string asked_for;
  const auto ask = [&](const pin_request& request) -> result<secret> {
    asked_for = request.token;
    return secret(std::string_view(faulty_.real().pin()));
  };
  EXPECT_TRUE(open_key(bare_uri(), {.pin = ask}));
  EXPECT_EQ(asked_for, faulty_.real().label());
}

TEST_F(login, takes_the_first_line_of_a_file_or_a_variable) {
  const auto& pin = faulty_.real().pin();
  for (const std::string& text : {pin + "\n", pin + "\r\n", pin + "\nanother line\n", "\xef\xbb\xbf" + pin + "\n"}) {
    ::setenv("SLUICE_TEST_PIN", text.c_str(), 1);
    EXPECT_TRUE(open_key(bare_uri() + "&pin-source=env:SLUICE_TEST_PIN")) << text;
    EXPECT_TRUE(open({}, pin_file("line", text))) << text;
  }
  const auto wide = open({}, pin_file("wide",
                                      "\xff\xfe"
                                      "1"));
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().code, errc::file_unreadable);
  EXPECT_EQ(wide.error().detail, "it is UTF-16");
}

TEST_F(login, takes_a_file_as_a_uri_of_this_machine) {
  const auto file = faulty_.real().pin_file();
  for (const auto* before : {"", "file:", "file://", "file://localhost"})
    EXPECT_TRUE(open_key(bare_uri() + "&pin-source=" + before + file)) << before;
  const auto elsewhere = open_key(bare_uri() + "&pin-source=file://elsewhere" + file);
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code, errc::bad_uri);
  EXPECT_EQ(elsewhere.error().detail, "\"elsewhere\" is not this machine");
}

TEST_F(login, without_a_pin_says_that_one_is_needed) {
  const auto none = open_key(bare_uri());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::pin_required);
  EXPECT_EQ(none.error().token, faulty_.real().label());
}

TEST_F(login, with_a_missing_pin_file_names_it) {
  const auto none = open({}, "/nowhere/pin");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::file_not_found);
  EXPECT_EQ(none.error().where, "/nowhere/pin");
}

TEST_F(login, never_sends_a_wrong_pin_twice) {
  faulty_.script("[pin]\ntries = 3");
  const auto file = pin_file("wrong", "000000");
  EXPECT_EQ(open({}, file).error().code, ckr(pin_incorrect));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(open({}, file).error().code, errc::pin_known_bad);
  EXPECT_TRUE(open()) << "ten tries with the wrong PIN would have locked the token";
}

TEST_F(login, takes_a_pin_of_the_wrong_length_or_form_for_a_wrong_one) {
  const auto file = pin_file("malformed", "11");
  for (const auto* value : {"CKR_PIN_LEN_RANGE", "CKR_PIN_INVALID"}) {
    pin_file("malformed", value);
    faulty_.script(std::string("[[answer]]\nfunction = \"C_Login\"\nvalue = \"") + value + "\"");
    EXPECT_EQ(code_name(open({}, file).error().code), value);
    EXPECT_EQ(open({}, file).error().code, errc::pin_known_bad) << "it is not sent again";
  }
}

TEST_F(login, tries_a_corrected_pin) {
  const auto file = pin_file("corrected", "000000");
  EXPECT_EQ(open({}, file).error().code, ckr(pin_incorrect));
  pin_file("corrected", faulty_.real().pin());
  EXPECT_TRUE(open({}, file));
}

TEST_F(login, keeps_the_last_try_for_a_person) {
  faulty_.script("[pin]\nfinal_try = true");
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::pin_final_try);
  EXPECT_EQ(refused.error().detail, "one more wrong PIN would lock it");
}

TEST_F(login, of_a_locked_token_is_not_tried) {
  faulty_.script("[pin]\nlocked = true\n[[answer]]\nfunction = \"C_Login\"\nvalue = \"CKR_FUNCTION_FAILED\"");
  EXPECT_EQ(open().error().code, ckr(pin_locked));
}

TEST_F(login, with_a_pin_to_be_changed_is_not_tried) {
  faulty_.script("[pin]\nto_be_changed = true\n[[answer]]\nfunction = \"C_Login\"\nvalue = \"CKR_FUNCTION_FAILED\"");
  EXPECT_EQ(open().error().code, ckr(pin_expired));
}

TEST_F(login, uses_the_token_s_own_pad) {
  faulty_.script("[pin]\npad = \"" + faulty_.real().pin() + "\"");
  const auto k = open_key(bare_uri());
  ASSERT_TRUE(k) << k.error().message();
  EXPECT_TRUE((*k)->sign(request_));
}

TEST_F(login, happens_once_a_token_whatever_the_number_of_keys_and_sessions) {
  faulty_.generate("other", key_type::ec256, 2);
  const auto one = open({.sessions = 4}).value();
  const auto two = faulty_.open("other");
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(one->sign(request_));
    EXPECT_TRUE(two->sign(request_));
  }
  EXPECT_EQ(one->stats().logins, 1u);
  EXPECT_EQ(two->stats().logins, 1u) << "the statistics are the token's";
}

TEST_F(login, is_repeated_for_each_signature_of_a_key_that_wants_it) {
  faulty_.script("[token]\nalways_authenticate = true");
  int asked = 0;
  const auto ask = [&](const pin_request& request) -> result<secret> {
    asked += request.is_for_one_signature;
    return secret(std::string_view(faulty_.real().pin()));
  };
  const auto k = open_key(bare_uri(), {.pin = ask}).value();
  EXPECT_TRUE(k->sign(request_));
  EXPECT_TRUE(k->sign(request_));
  EXPECT_EQ(asked, 2);
}

// Eight workers ask for it at the same time, and each answer takes a while.
TEST_F(login, spends_one_try_on_a_pin_that_became_wrong_however_many_need_it_at_once) {
  faulty_.script("[token]\nalways_authenticate = true\n[pin]\ntries = 3\n[latency]\nC_Login = \"20ms\"");
  std::atomic<bool> is_wrong = false;
  const auto ask = [&](const pin_request&) -> result<secret> {
    return secret(std::string_view(is_wrong ? "000000" : faulty_.real().pin()));
  };
  auto k = open_key(bare_uri(), {.pin = ask, .sessions = 8}).value();
  const auto burst = [&] {
    std::atomic<int> good = 0;
    std::vector<std::thread> all;
    all.reserve(8);
    for (int i = 0; i < 8; ++i) all.emplace_back([&] { good += sign_and_wait(*k, request_, 30s).has_value(); });
    for (auto& one : all) one.join();
    return good.load();
  };
  EXPECT_EQ(burst(), 8);
  is_wrong = true;
  EXPECT_EQ(burst(), 0);
  is_wrong = false;
  EXPECT_EQ(burst(), 8) << "one wrong PIN of three, and none that would have been the last";
  EXPECT_EQ(k->stats().answers["CKR_PIN_LOCKED"], 0u);
  EXPECT_EQ(k->stats().circuit_opened, 0u);
  k.reset();  // with the last session the login ends
  ASSERT_TRUE(test::until([&] { return faulty_.open_sessions() == 0; }));
  const auto admin = pkcs11::token::open(faulty_.uri("", pin_file("known wrong", "000000")));
  ASSERT_FALSE(admin);
  EXPECT_EQ(admin.error().code, errc::pin_known_bad) << "an administrator's session counts alike";
}

// A person may stand behind it.
TEST_F(login, asks_for_the_pin_when_a_login_is_made_and_not_otherwise) {
  std::atomic<int> asked = 0;
  const auto ask = [&](const pin_request&) -> result<secret> {
    ++asked;
    return secret(std::string_view(faulty_.real().pin()));
  };
  auto k = open_key(bare_uri(), {.pin = ask, .sessions = 4}).value();
  EXPECT_EQ(asked, 1);
  auto place = uri::parse(bare_uri()).value();
  place.object.reset();
  for (int i = 0; i < 3; ++i) {
    const auto beside = pkcs11::token::open(place.to_string(), {.pin = ask});
    ASSERT_TRUE(beside) << beside.error().message();
    EXPECT_TRUE(beside->is_logged_in());
    EXPECT_FALSE(beside->has_logged_in());
    EXPECT_TRUE(k->sign(request_));
  }
  EXPECT_EQ(asked, 1) << "the pool has logged in already";
  k.reset();
  const auto alone = pkcs11::token::open(place.to_string(), {.pin = ask});
  ASSERT_TRUE(alone) << alone.error().message();
  EXPECT_TRUE(alone->has_logged_in());
  EXPECT_EQ(asked, 2);
}

TEST_F(login, with_a_source_that_throws_fails_that_request) {
  const auto ask = [](const pin_request&) -> result<secret> { throw std::runtime_error("the vault is sealed"); };
  const auto none = open_key(bare_uri(), {.pin = ask});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::key_unavailable);
  EXPECT_EQ(none.error().detail, "the source of its PIN threw: the vault is sealed");
  EXPECT_TRUE(open());
}

}  // namespace
}  // namespace sluice::pkcs11
