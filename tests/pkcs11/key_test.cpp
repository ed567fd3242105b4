// SPDX-License-Identifier: Apache-2.0
// Finding a private key, and what it says of itself.
#include "support/faulty.hpp"

#include "testkit/authority/authority.hpp"
#include "sluice/identity.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace sluice::pkcs11 {
namespace {

using test::request_for;

class keys : public testing::Test {
 protected:
  const std::unique_ptr<testkit::scratch_token> token_ = testkit::scratch_token::make("keys").value();

  void generate(const std::string& label, char id, key_type type = key_type::ec256) {
    const auto byte = std::byte(id);
    token_->admin().value().generate_key(type, label, {&byte, 1}).value();
  }
  std::string by(const std::optional<std::string>& label, std::optional<char> id = {}) {
    auto u = uri::parse(token_->uri("")).value();
    u.object = label;
    if (id) u.id = {std::byte(*id)};
    return u.to_string();
  }
};

TEST_F(keys, are_found_by_label_by_id_and_by_both) {
  generate("one", 1);
  generate("two", 2);
  EXPECT_EQ(open_key(by("one")).value()->public_key(), open_key(by({}, 1)).value()->public_key());
  EXPECT_EQ(open_key(by("two", 2)).value()->public_key(), open_key(by("two")).value()->public_key());
  EXPECT_EQ(open_key(by("one", 2)).error().code, errc::key_not_found);
}

TEST_F(keys, that_are_alone_need_no_criterion) {
  generate("only", 1);
  EXPECT_TRUE(open_key(by({})));
}

TEST_F(keys, that_could_be_several_are_ambiguous_and_listed) {
  generate("same", 1);
  generate("same", 2);
  const auto several = open_key(by("same"));
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, errc::key_ambiguous);
  EXPECT_EQ(several.error().detail, "it has pkcs11:id=%01;object=same, pkcs11:id=%02;object=same");
  EXPECT_TRUE(open_key(by("same", 2)));
}

TEST_F(keys, that_are_missing_are_said_to_be_with_those_that_are_there) {
  generate("here", 1);
  const auto none = open_key(by("gone"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::key_not_found);
  EXPECT_EQ(none.error().detail, "it has pkcs11:id=%01;object=here");
  EXPECT_EQ(none.error().token, token_->label());
}

TEST_F(keys, have_odd_labels) {
  generate("käse; & = ?", 1);
  EXPECT_TRUE(open_key(by("käse; & = ?")));
}

TEST_F(keys, of_every_size_and_curve_are_found_and_fit_their_certificates) {
  const auto root = testkit::authority::make_root("Root").value();
  auto admin = token_->admin().value();
  for (const auto* type : {"rsa1024", "rsa2048", "rsa3072", "rsa4096", "ec256", "ec384", "ec521"}) {
    const auto local = testkit::local_key::generate(type).value();
    const std::byte id{0x77};
    admin.import_key(local.numbers().value(), type, {&id, 1}).value();
    const auto key = open_key(by(type)).value();
    EXPECT_EQ(key->public_key(), local.public_key()) << type;
    const auto cert = root.issue_for(local.public_key(), {.common_name = "x", .names = {"x.test"}}).value();
    EXPECT_TRUE(identity::from_chain(cert.chain, key)) << type;
    admin.remove(type, {&id, 1}).value();
  }
}

TEST_F(keys, of_another_certificate_are_refused) {
  const auto root = testkit::authority::make_root("Root").value();
  generate("site", 1);
  const auto other = root.issue({.common_name = "other", .names = {"other.test"}}).value();
  const auto id = identity::from_chain(other.chain, open_key(by("site")).value());
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, errc::key_mismatch);
}

TEST_F(keys, without_a_public_half_are_checked_by_a_signature) {
  const test::faulty_token faulty;
  faulty.generate("site");
  const auto spki = *faulty.open("site")->public_key();
  const auto root = testkit::authority::make_root("Root").value();
  faulty.script("[token]\nhas_no_public_objects = true");
  const auto key = faulty.open("site");
  EXPECT_FALSE(key->public_key());
  const auto own = root.issue_for(spki, {.common_name = "own", .names = {"own.test"}}).value();
  EXPECT_TRUE(identity::from_chain(own.chain, key));
  const auto other = root.issue({.common_name = "other", .names = {"other.test"}}).value();
  const auto wrong = identity::from_chain(other.chain, key);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::key_mismatch);
}

// Of two keys with one id, the label says which public key is whose.
TEST_F(keys, that_share_an_id_have_each_their_own_public_half) {
  generate("one", 1);
  const auto one = open_key(by("one")).value()->public_key();
  generate("two", 1);
  const auto two = open_key(by("two")).value()->public_key();
  ASSERT_TRUE(one && two);
  EXPECT_NE(*one, *two);
  EXPECT_EQ(open_key(by("one")).value()->public_key(), one);
  EXPECT_EQ(open_key(by({}, 1)).error().code, errc::key_ambiguous);
}

// What is beside the key by its label alone may be a former key's: a signature shows whose it is.
TEST_F(keys, are_not_taken_for_those_of_another_certificate_with_their_label) {
  const auto root = testkit::authority::make_root("Root").value();
  auto admin = token_->admin().value();
  const std::byte id{7};
  const auto local = testkit::local_key::generate("ec256").value();
  auto numbers = local.numbers().value();
  numbers.ec_point = {std::byte{4}};  // a public half that cannot be parsed
  admin.import_key(numbers, "renewed", {&id, 1}).value();
  const auto former = root.issue({.common_name = "former", .names = {"x.test"}}).value();
  const auto own = root.issue_for(local.public_key(), {.common_name = "own", .names = {"x.test"}}).value();
  admin.import_certificate(certificate::from_pem(former.certificate).value().front(), "renewed", {}).value();
  EXPECT_FALSE(open_key(by("renewed")).value()->public_key());
  EXPECT_TRUE(identity::from_chain(own.chain, open_key(by("renewed")).value()));
  admin.import_certificate(certificate::from_pem(own.certificate).value().front(), "renewed", {}).value();
  EXPECT_EQ(open_key(by("renewed")).value()->public_key(), local.public_key());
}

TEST_F(keys, that_are_twice_there_are_one) {
  auto admin = token_->admin().value();
  const std::byte first{1}, second{2}, third{3};
  for (const auto* type : {"rsa2048", "ec256"}) {
    const auto local = testkit::local_key::generate(type).value();
    admin.import_key(local.numbers().value(), type, {&first, 1}).value();
    admin.import_key(local.numbers().value(), type, {&second, 1}).value();
    admin.import_key(local.numbers().value(), type, {&second, 1}).value();
    const auto key = open_key(by(type));
    ASSERT_TRUE(key) << key.error().message();
    EXPECT_EQ((*key)->public_key(), local.public_key());
    admin.import_key(testkit::local_key::generate(type).value().numbers().value(), type, {&third, 1}).value();
    EXPECT_EQ(open_key(by(type)).error().code, errc::key_ambiguous);
  }
}

TEST_F(keys, are_asked_for_by_a_hexadecimal_id_only_where_it_is_written_so) {
  generate("site", 0x15);
  auto u = uri::parse(token_->uri("")).value();
  u.id = {std::byte{'1'}, std::byte{'5'}};
  const auto none = open_key(u.to_string());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().remedy,
            "an id is written byte by byte with a % before each: two characters such as 85 are not the byte 85; if "
            "hexadecimal was meant, id=%31%35 is to be id=%15");
}

TEST_F(keys, are_private_keys) {
  generate("site", 1);
  auto u = uri::parse(token_->uri("site")).value();
  u.type = "private";
  EXPECT_TRUE(open_key(u.to_string()));
  u.type = "cert";
  EXPECT_EQ(open_key(u.to_string()).error().code, errc::bad_uri);
}

TEST_F(keys, need_to_know_their_module) {
  const auto none = open_key("pkcs11:token=web;object=site");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::bad_uri);
  EXPECT_EQ(none.error().remedy, "add ?module-name=NAME or ?module-path=PATH, or pass the module's path");
}

TEST_F(keys, are_not_opened_on_a_token_that_is_not_there) {
  const auto none = open_key("pkcs11:token=nowhere;object=site", {.module_path = token_->module_path()});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::token_not_found);
  EXPECT_EQ(none.error().token, "nowhere");
}

TEST_F(keys, refuse_in_a_forked_child) {
  generate("site", 1);
  const auto key = open_key(by("site")).value();
  ASSERT_TRUE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  const auto child = ::fork();
  if (child == 0) {
    const auto refused = key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256));
    const bool is_right = !refused && refused.error().code == errc::key_unavailable &&
                          refused.error().detail == "the key was opened before fork()";
    ::_exit(is_right ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
}

// ThreadSanitizer lets no forked child start threads.
#ifndef __SANITIZE_THREAD__
TEST_F(keys, are_opened_again_in_a_forked_child) {
  generate("site", 1);
  const auto key = open_key(by("site")).value();
  ASSERT_TRUE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  const auto child = ::fork();
  if (child == 0) {
    ::alarm(60);  // rather than hang
    const auto own = open_key(by("site"));
    const bool works = own && (*own)->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)).has_value();
    const auto all = statistics();
    ::_exit(works && all.size() == 1 && all.front().operations >= 2 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(key->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
}
#endif

}  // namespace
}  // namespace sluice::pkcs11
