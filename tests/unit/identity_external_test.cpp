// SPDX-License-Identifier: Apache-2.0
// An identity whose key is elsewhere belongs to its certificate, or is no identity.
#include "support/flavour.hpp"
#include "support/signer.hpp"

#include "sluice/pkcs11/key.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

failure refusal(const std::string& chain, std::shared_ptr<private_key> key, std::chrono::milliseconds timeout = 10s) {
  const auto made = identity::from_chain(chain, std::move(key), timeout);
  EXPECT_FALSE(made);
  return made ? failure() : made.error();
}

TEST(external_identity, is_checked_by_the_public_half_without_a_signature) {
  for (const auto* type : {"rsa2048", "ec256", "ec384", "ec521"}) {
    const auto generated = signer_site(type);
    const auto made = identity::from_chain(generated.chain, generated.key);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->key(), generated.key);
    EXPECT_TRUE(generated.key->requests().empty());
  }
}

TEST(external_identity, is_checked_by_a_trial_signature_where_the_public_half_is_unknown) {
  for (const auto* type : {"rsa2048", "ec256", "ec384", "ec521"}) {
    const auto generated = signer_site(type);
    generated.key->tells_public_key = false;
    const auto made = identity::from_chain(generated.chain, generated.key);
    ASSERT_TRUE(made) << made.error().message();
    ASSERT_EQ(generated.key->requests().size(), 1u);
    const auto request = generated.key->requests()[0];
    EXPECT_EQ(request.input_size, digest_size(digest_of(request.scheme)));
  }
}

TEST(external_identity, with_another_key_is_a_mismatch) {
  for (const bool tells : {true, false}) {
    const auto key = std::make_shared<signer>(device().key);
    key->tells_public_key = tells;
    const auto error = refusal(site().chain, key);
    EXPECT_EQ(error.code, make_error_code(errc::key_mismatch));
    EXPECT_EQ(error.where, "test:signer");
    EXPECT_EQ(error.detail, "the certificate is for \"CN=localhost\" (ECDSA P-256)");
    EXPECT_EQ(error.remedy, "pair the certificate with the key it was issued for");
  }
}

TEST(external_identity, with_a_key_of_another_type_is_a_mismatch) {
  const auto key = std::make_shared<signer>(site("rsa2048").key);
  EXPECT_EQ(refusal(site("ec256").chain, key).code, make_error_code(errc::key_mismatch));
}

TEST(external_identity, whose_key_answers_with_rubbish_is_a_mismatch) {
  const std::vector<std::vector<std::byte>> rubbish = {
      {}, {std::byte(1)}, std::vector<std::byte>(70, std::byte(0x30)), std::vector<std::byte>(100'000)};
  for (const auto& answer : rubbish) {
    const auto generated =
        signer_site("ec256", [answer](const signer&, const sign_request&, signature_promise p) { p.set(answer); });
    generated.key->tells_public_key = false;
    EXPECT_EQ(refusal(generated.chain, generated.key).code, make_error_code(errc::key_mismatch));
  }
}

TEST(external_identity, whose_key_reports_a_malformed_public_half_is_a_mismatch) {
  struct liar : private_key {
    void start(const sign_request&, signature_promise) override {}
    std::optional<std::vector<std::byte>> public_key() const override { return std::vector<std::byte>(5); }
    std::string name() const override { return "liar"; }
  };
  EXPECT_EQ(refusal(site().chain, std::make_shared<liar>()).code, make_error_code(errc::key_mismatch));
}

TEST(external_identity, whose_key_fails_has_the_keys_own_failure) {
  const auto generated = signer_site("ec256", [](const signer&, const sign_request&, signature_promise promise) {
    failure error;
    error.code = {0xa0, pkcs11_category()};
    error.token = "web";
    promise.fail(error);
  });
  generated.key->tells_public_key = false;
  const auto error = refusal(generated.chain, generated.key);
  EXPECT_EQ(error.code, (error_code{0xa0, pkcs11_category()}));
  EXPECT_EQ(error.token, "web");
  EXPECT_EQ(error.at, phase::signing);
}

TEST(external_identity, whose_key_never_answers_times_out) {
  held_request held;
  const auto generated = signer_site("ec256", held.behaviour());
  generated.key->tells_public_key = false;
  const auto began = std::chrono::steady_clock::now();
  const auto error = refusal(generated.chain, generated.key, 50ms);
  EXPECT_EQ(error.code, make_error_code(errc::key_timed_out));
  EXPECT_EQ(error.detail, "no signature within 50 ms");
  EXPECT_GE(std::chrono::steady_clock::now() - began, 50ms);
  EXPECT_TRUE(held.has_arrived());
  auto late = held.take();
  EXPECT_FALSE(late.is_wanted());
  late.set(std::vector<std::byte>(70));  // finds nobody
}

TEST(external_identity, may_be_answered_by_another_thread) {
  std::vector<std::thread> workers;
  const auto generated = signer_site("ec256", [&workers](const signer& key, const sign_request& request,
                                                         signature_promise promise) {
    workers.emplace_back([&key, request, promise = std::move(promise)]() mutable { promise.set(key.sign(request)); });
  });
  generated.key->tells_public_key = false;
  EXPECT_TRUE(identity::from_chain(generated.chain, generated.key));
  for (auto& w : workers) w.join();
}

TEST(external_identity, needs_a_key_and_a_certificate) {
  const auto key = std::make_shared<signer>(site().key);
  EXPECT_EQ(refusal(site().chain, nullptr).code, make_error_code(errc::no_private_key));
  EXPECT_EQ(refusal("", key).code, make_error_code(errc::no_certificate));
  EXPECT_EQ(identity::from_chain_file("/no/such/file", key).error().code, make_error_code(errc::file_not_found));
  EXPECT_EQ(identity::from_chain_file("/no/such/file", key).error().where, "/no/such/file");
  EXPECT_TRUE(identity::from_chain_file(folder().write("external.pem", site().chain), key));
}

TEST(external_identity, of_a_type_s2n_cannot_use_is_unsupported) {
  const auto made = root().issue({.common_name = "x"}, "ed25519").value();
  const auto error = refusal(made.chain, std::make_shared<signer>(site().key));
  EXPECT_EQ(error.code, make_error_code(errc::unsupported_key));
  EXPECT_EQ(error.detail, "the certificate's key is Ed25519");
}

TEST(external_identity, may_live_in_a_token) {
  for (const auto* type : {"ec256", "ec384", "ec521", "rsa2048"}) {
    const auto& generated = token_site(type);
    const auto made = identity::from_chain(generated.chain, pkcs11::open_key(generated.key_uri).value());
    EXPECT_TRUE(made) << type << ": " << made.error().message();
  }
  EXPECT_EQ(refusal(site().chain, pkcs11::open_key(token_site("ec256").key_uri).value()).code,
            make_error_code(errc::key_mismatch));
}

TEST(external_identity, keeps_its_key_when_it_gets_a_response_to_staple) {
  const auto generated = signer_site();
  const std::string der = "0";
  const auto made = identity::from_chain(generated.chain, generated.key)
                        .value()
                        .with_ocsp_response(std::as_bytes(std::span(der)))
                        .value();
  EXPECT_EQ(made.key(), generated.key);
  EXPECT_EQ(made.leaf().subject(), "CN=localhost");
}

}  // namespace
}  // namespace sluice::test
