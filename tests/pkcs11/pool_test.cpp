// SPDX-License-Identifier: Apache-2.0
// Sessions, the queue, and one key on several tokens.
#include "core/signature_slot.hpp"
#include "support/faulty.hpp"
#include "support/until.hpp"

#include "testkit/authority/authority.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;
using test::request_for;
using test::until;

// Collects answers from any number of workers.
class answers {
 public:
  explicit answers(private_key& key, int count, std::chrono::milliseconds timeout = 30s) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this, &key, timeout] {
        const auto outcome = sign_and_wait(key, request_for(signature_scheme::ecdsa_secp256r1_sha256), timeout);
        const std::lock_guard lock(gate_);
        if (outcome) ++good_;
        if (!outcome) bad_.push_back(outcome.error());
      });
    }
  }
  ~answers() { wait(); }
  void wait() {
    for (auto& t : threads_) {
      if (t.joinable()) t.join();
    }
  }
  int good() {
    wait();
    return good_;
  }
  const std::vector<failure>& bad() {
    wait();
    return bad_;
  }

 private:
  std::mutex gate_;
  int good_ = 0;
  std::vector<failure> bad_;
  std::vector<std::thread> threads_;
};

class pool : public testing::Test {
 protected:
  pool() { faulty_.generate("site"); }
  const test::faulty_token faulty_;
};

TEST_F(pool, opens_sessions_only_when_they_are_needed) {
  const auto key = faulty_.open("site", {.sessions = 6});
  EXPECT_TRUE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  EXPECT_LT(key->stats().sessions_open, 6u);
  faulty_.script("[[hang]]\nfunction = \"C_Sign\"");
  answers all(*key, 12);
  EXPECT_TRUE(until([&] { return key->stats().sessions_open == 6; }));
  faulty_.behave();
  EXPECT_EQ(all.good(), 12);
}

TEST_F(pool, works_in_parallel_up_to_its_sessions) {
  const auto key = faulty_.open("site", {.sessions = 8});
  faulty_.script("[[hang]]\nfunction = \"C_Sign\"");
  answers all(*key, 16);
  EXPECT_TRUE(until([&] { return key->stats().sessions_busy == 8 && key->stats().queued == 8; }));
  faulty_.behave();
  EXPECT_EQ(all.good(), 16);
}

TEST_F(pool, keeps_to_the_limit_the_token_announces) {
  faulty_.script("[token]\nsession_limit = 3\nannounces_session_limit = true");
  const auto key = faulty_.open("site", {.sessions = 8});
  EXPECT_EQ(key->stats().session_limit, 3u);
  faulty_.script("[token]\nsession_limit = 3\nannounces_session_limit = true\n[latency]\nC_Sign = \"20ms\"");
  EXPECT_EQ(answers(*key, 12).good(), 12);
  EXPECT_EQ(key->stats().answers.count("CKR_SESSION_COUNT"), 0u);
}

TEST_F(pool, learns_the_limit_from_session_count) {
  faulty_.script("[token]\nsession_limit = 2\n[latency]\nC_Sign = \"30ms\"");
  const auto key = faulty_.open("site", {.sessions = 8});
  EXPECT_EQ(answers(*key, 16).good(), 16);
  EXPECT_EQ(key->stats().answers.count("CKR_SESSION_COUNT"), 1u);
  EXPECT_EQ(key->stats().session_limit, 2u);
}

TEST_F(pool, without_any_session_to_be_had_says_so) {
  faulty_.script("[[answer]]\nfunction = \"C_OpenSession\"\nvalue = \"CKR_SESSION_COUNT\"");
  const auto none = open_key(faulty_.uri("site"));
  ASSERT_FALSE(none);
  EXPECT_EQ(code_name(none.error().code), "CKR_SESSION_COUNT");
}

TEST_F(pool, sheds_at_once_when_its_queue_is_full) {
  const auto key = faulty_.open("site", {.sessions = 1, .queue_limit = 4});
  faulty_.script("[[hang]]\nfunction = \"C_Sign\"");
  answers first(*key, 1);
  ASSERT_TRUE(until([&] { return key->stats().sessions_busy == 1; }));
  answers others(*key, 10);
  EXPECT_TRUE(until([&] { return key->stats().shed_full == 6; })) << "four wait";
  faulty_.behave();
  EXPECT_EQ(first.good() + others.good(), 5);
  const auto& refused = others.bad();
  ASSERT_EQ(refused.size(), 6u);
  for (const auto& error : refused) EXPECT_EQ(error.code, errc::queue_full);
  EXPECT_EQ(key->stats().shed_full, refused.size());
}

TEST_F(pool, drops_work_whose_deadline_has_passed) {
  const auto key = faulty_.open("site", {.sessions = 1});
  faulty_.script("[latency]\nC_Sign = \"150ms\"");
  answers all(*key, 10, 400ms);
  for (const auto& error : all.bad()) EXPECT_EQ(error.code, errc::key_timed_out);
  EXPECT_GE(all.bad().size(), 6u);
  faulty_.behave();
  EXPECT_TRUE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  EXPECT_GT(key->stats().shed_late, 0u) << "late work never reached the token";
}

TEST_F(pool, drops_late_work_at_its_deadline_though_every_session_is_at_work) {
  const auto key = faulty_.open("site", {.sessions = 1});
  faulty_.script("[[hang]]\nfunction = \"C_Sign\"");
  answers first(*key, 1);
  ASSERT_TRUE(until([&] { return key->stats().sessions_busy == 1; }));
  answers late(*key, 3, 200ms);
  for (const auto& error : late.bad()) EXPECT_EQ(error.code, errc::key_timed_out);
  EXPECT_TRUE(until([&] { return key->stats().shed_late == 3; }));
  EXPECT_EQ(key->stats().queued, 0u);
  faulty_.behave();
  EXPECT_EQ(first.good(), 1);
}

TEST_F(pool, gives_the_place_of_abandoned_work_to_work_that_is_waited_for) {
  const auto key = faulty_.open("site", {.sessions = 1, .queue_limit = 2});
  faulty_.script("[[hang]]\nfunction = \"C_Sign\"");
  answers first(*key, 1);
  ASSERT_TRUE(until([&] { return key->stats().sessions_busy == 1; }));
  const auto request = request_for(signature_scheme::ecdsa_secp256r1_sha256);
  for (int i = 0; i < 2; ++i) {
    const auto slot = std::make_shared<internal::signature_slot>(key->name(), nullptr);
    internal::start_signing(*key, request, slot);
    slot->abandon();  // its peer is gone
  }
  EXPECT_EQ(key->stats().queued, 2u);
  answers second(*key, 1);
  EXPECT_TRUE(until([&] { return key->stats().queued == 1; }));
  EXPECT_EQ(key->stats().shed_late, 2u);
  EXPECT_EQ(key->stats().shed_full, 0u);
  faulty_.behave();
  EXPECT_EQ(first.good() + second.good(), 2);
}

TEST_F(pool, counts_every_answer_by_name) {
  const auto key = faulty_.open("site");
  EXPECT_TRUE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  faulty_.script("[[answer]]\nfunction = \"C_Sign\"\nnth = 1\nvalue = \"0x80000042\"");
  const auto odd = key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256));
  ASSERT_FALSE(odd);
  EXPECT_EQ(code_name(odd.error().code), "CKR_0x80000042");
  const auto stats = key->stats();
  EXPECT_EQ(stats.answers.at("CKR_0x80000042"), 1u);
  EXPECT_GE(stats.answers.at("CKR_OK"), 2u);
}

TEST_F(pool, counts_the_answers_to_logins_and_searches_as_well) {
  const auto key = faulty_.open("site");
  faulty_.script("[token]\nlog_out = 1\n[[answer]]\nfunction = \"C_Login\"\nvalue = \"CKR_FUNCTION_FAILED\"");
  EXPECT_FALSE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  EXPECT_EQ(key->stats().answers.at("CKR_FUNCTION_FAILED"), 1u);
  faulty_.script(
      "[token]\nlose_handles = 1\nlog_out = 1\n[[answer]]\nfunction = \"C_FindObjectsInit\"\nvalue = "
      "\"CKR_ARGUMENTS_BAD\"");
  EXPECT_FALSE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  EXPECT_EQ(key->stats().answers.at("CKR_ARGUMENTS_BAD"), 1u);
}

TEST_F(pool, of_every_token_in_use_is_in_the_process_s_statistics) {
  const auto other = testkit::scratch_token::make("statistics").value();
  const std::byte id{1};
  other->admin().value().generate_key(key_type::ec256, "x", {&id, 1}).value();
  const auto one = faulty_.open("site");
  auto two = open_key(other->uri("x")).value();
  EXPECT_TRUE(two->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  const auto find = [](const std::string& label) -> std::optional<token_stats> {
    for (const auto& s : statistics()) {
      if (s.token == label) return s;
    }
    return std::nullopt;
  };
  EXPECT_TRUE(find(faulty_.real().label()));
  ASSERT_TRUE(find(other->label()));
  EXPECT_EQ(find(other->label())->operations, two->stats().operations);
  two.reset();
  EXPECT_FALSE(find(other->label())) << "nobody uses it any more";
}

// One key, imported into two tokens, each behind its own module: the real one and the faulty one.
class group : public pool {
 protected:
  group() {
    const std::byte id{5};
    const auto numbers = local_.numbers().value();
    faulty_.real().admin().value().import_key(numbers, "shared", {&id, 1}).value();
    second_->admin().value().import_key(numbers, "shared", {&id, 1}).value();
    uris_ = {faulty_.uri("shared"), second_->uri("shared")};
  }
  const testkit::local_key local_ = testkit::local_key::generate("ec256").value();
  const std::unique_ptr<testkit::scratch_token> second_ = testkit::scratch_token::make("second").value();
  std::vector<std::string> uris_;
};

TEST_F(group, of_one_key_on_two_tokens_uses_both) {
  const auto key = open_key(std::span<const std::string>(uris_), {.sessions = 2}).value();
  const auto one = pkcs11::open_key(uris_[0]).value();
  const auto two = pkcs11::open_key(uris_[1]).value();
  const auto before = std::pair(one->stats().operations, two->stats().operations);
  faulty_.script("[latency]\nC_Sign = \"30ms\"");
  EXPECT_EQ(answers(*key, 30).good(), 30);
  EXPECT_GT(one->stats().operations, before.first);
  EXPECT_GT(two->stats().operations, before.second);
}

TEST_F(group, falls_back_when_one_token_is_gone) {
  const auto key = open_key(std::span<const std::string>(uris_)).value();
  faulty_.script("[token]\nunplugged = true");
  EXPECT_EQ(answers(*key, 10).good(), 10);
}

TEST_F(group, of_different_keys_is_refused) {
  const std::vector<std::string> mixed = {uris_[0], faulty_.uri("site")};
  const auto refused = open_key(std::span<const std::string>(mixed));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::key_mismatch);
}

}  // namespace
}  // namespace sluice::pkcs11
