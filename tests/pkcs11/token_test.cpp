// SPDX-License-Identifier: Apache-2.0
// Which token a URI means: exactly one, or an error that lists the candidates.
#include "support/faulty.hpp"

#include "testkit/authority/authority.hpp"
#include "pkcs11/library.hpp"
#include "pkcs11/session.hpp"
#include "pkcs11/tokens.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::pkcs11 {
namespace {

// Three initialised tokens and the uninitialised one that SoftHSM always offers.
class tokens : public testing::Test {
 protected:
  static std::unique_ptr<testkit::scratch_token> make(const std::string& label) {
    return testkit::scratch_token::make(label).value();
  }
  const std::unique_ptr<testkit::scratch_token> a_ = make("alpha"), b_ = make("beta"), c_ = make("gamma");
  const std::shared_ptr<library> lib_ = library::load(a_->module_path(), {}).value();

  uri with_token(const std::string& label) {
    uri u;
    u.token = label;
    return u;
  }
  found_token find(const std::string& label) { return find_token(*lib_, with_token(label)).value(); }
};

TEST_F(tokens, are_found_by_label) { EXPECT_EQ(find(b_->label()).label(), b_->label()); }

TEST_F(tokens, are_found_by_serial) {
  uri u;
  u.serial = padded_text(find(c_->label()).info.serialNumber);
  EXPECT_EQ(find_token(*lib_, u).value().label(), c_->label());
}

TEST_F(tokens, are_found_by_slot_id) {
  uri u;
  u.slot_id = find(a_->label()).slot;
  EXPECT_EQ(find_token(*lib_, u).value().label(), a_->label());
}

TEST_F(tokens, are_not_found_in_a_slot_that_is_not) {
  uri u;
  u.slot_id = 0xdeadbeef;
  EXPECT_EQ(find_token(*lib_, u).error().code, errc::token_not_found);
  session nowhere(*lib_), one(*lib_), two(*lib_);
  EXPECT_EQ(nowhere.open(0xdeadbeef), CKR_SLOT_ID_INVALID);
  ASSERT_EQ(one.open(find(a_->label()).slot), CKR_OK);
  ASSERT_EQ(two.open(find(a_->label()).slot), CKR_OK);
  EXPECT_NE(one.handle(), two.handle());
}

TEST_F(tokens, must_fit_every_attribute) {
  auto u = with_token(a_->label());
  u.slot_id = find(b_->label()).slot;
  EXPECT_EQ(find_token(*lib_, u).error().code, errc::token_not_found);
  u.slot_id = find(a_->label()).slot;
  u.manufacturer = "SoftHSM project";
  u.model = "SoftHSM v2";
  EXPECT_EQ(find_token(*lib_, u).value().label(), a_->label());
  u.model = "another";
  EXPECT_EQ(find_token(*lib_, u).error().code, errc::token_not_found);
}

TEST_F(tokens, that_are_not_there_are_said_to_be_missing_with_those_that_are) {
  const auto none = find_token(*lib_, with_token("omega"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::token_not_found);
  EXPECT_EQ(none.error().where, "pkcs11:token=omega");
  for (const auto& label : {a_->label(), b_->label(), c_->label()}) {
    EXPECT_NE(none.error().detail.find("token=" + label), std::string::npos) << none.error().detail;
  }
}

TEST_F(tokens, that_could_be_several_are_said_to_be_ambiguous) {
  const auto several = find_token(*lib_, uri());
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, errc::token_ambiguous);
  EXPECT_NE(several.error().detail.find("serial="), std::string::npos);
}

TEST_F(tokens, must_fit_the_attributes_of_library_and_slot) {
  const auto& m = lib_->info();
  auto u = with_token(a_->label());
  u.library_manufacturer = m.manufacturer;
  u.library_description = m.description;
  u.library_version = std::to_string(m.library_major) + "." + std::to_string(m.library_minor);
  const auto found = find_token(*lib_, u);
  ASSERT_TRUE(found) << found.error().message();
  const auto told = describe(*lib_, found->slot, found->info);
  EXPECT_FALSE(told.slot_description.empty());
  u.slot_description = told.slot_description;
  u.slot_manufacturer = told.slot_manufacturer;
  EXPECT_TRUE(find_token(*lib_, u));
  EXPECT_TRUE(fits(u, m, told));
  for (auto field : {&uri::library_manufacturer, &uri::library_description, &uri::library_version,
                     &uri::slot_description, &uri::slot_manufacturer}) {
    auto other = u.clone();
    other.*field = "9.9";
    const auto none = find_token(*lib_, other);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, errc::token_not_found);
    EXPECT_FALSE(fits(other, m, told));
  }
}

TEST_F(tokens, of_labels_that_do_not_fit_are_not_made) {
  const auto m = module::load(a_->module_path()).value();
  const auto none = initialize_token(m, std::string(33, 'a'), "so", "user");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().detail, "a token's label has at most 32 bytes");
}

TEST_F(tokens, with_odd_labels_are_found) {
  const auto odd = make("l!@#$%^&*-_=+{}[]<>?,./():_1");
  const auto again = library::load(odd->module_path(), {}).value();
  EXPECT_EQ(find_token(*again, uri::parse(odd->uri("")).value()).value().label(), odd->label());
}

TEST_F(tokens, that_are_not_initialised_are_no_candidates) {
  const auto all = module::load(a_->module_path()).value().tokens().value();
  EXPECT_EQ(std::ranges::count_if(all, [](const token_info& t) { return !t.is_initialized; }), 1);
  EXPECT_EQ(find_token(*lib_, with_token("")).error().code, errc::token_not_found);
}

TEST(fixed_width_text, ends_before_its_padding_of_blanks_or_nuls) {
  const unsigned char blanks[] = {'a', ' ', 'b', ' ', ' '}, nuls[] = {'a', ' ', 'b', 0, 0}, nothing[] = {' ', 0};
  EXPECT_EQ(padded_text(blanks), "a b");
  EXPECT_EQ(padded_text(nuls), "a b");
  EXPECT_EQ(padded_text(nothing), "");
}

TEST_F(tokens, describe_themselves) {
  const auto token = a_->admin().value();
  EXPECT_EQ(token.info().label, a_->label());
  EXPECT_EQ(token.info().model, "SoftHSM v2");
  EXPECT_TRUE(std::ranges::count(token.info().flags, "login-required"));
  EXPECT_TRUE(std::ranges::count(token.info().mechanisms, "CKM_ECDSA"));
  EXPECT_TRUE(token.is_logged_in());
}

TEST_F(tokens, list_what_is_on_them) {
  auto token = a_->admin().value();
  const std::byte id{0x2a};
  const auto uri = token.generate_key(key_type::ec384, "site", {&id, 1}).value();
  const auto keys = token.keys().value();
  ASSERT_EQ(keys.size(), 1u);
  EXPECT_EQ(keys[0].uri, uri);
  EXPECT_EQ(keys[0].label, "site");
  EXPECT_EQ(keys[0].type, "EC P-384");
  EXPECT_TRUE(keys[0].can_sign);
  EXPECT_TRUE(keys[0].is_sensitive);
  EXPECT_FALSE(keys[0].is_extractable);
  EXPECT_FALSE(keys[0].public_key.empty());
  EXPECT_EQ(token.remove("site", {&id, 1}).value(), 2u);
  EXPECT_TRUE(token.keys().value().empty());
}

class chains : public tokens {
 protected:
  chains() {
    auto token = a_->admin().value();
    const auto made = middle_.issue({.common_name = "leaf", .names = {"leaf.test"}}).value();
    token.import_certificate(parse(made.certificate), "leaf", {}).value();
  }
  static certificate parse(const std::string& pem) { return certificate::from_pem(pem).value().front(); }
  result<std::vector<certificate>> chain(const std::string& label, std::span<const certificate> others = {}) const {
    uri wanted;
    wanted.object = label;
    return a_->admin().value().chain(wanted, others);
  }
  std::string subjects(const std::string& label, std::span<const certificate> others = {}) const {
    std::string text;
    for (const auto& one : chain(label, others).value()) text += one.subject() + " ";
    return text;
  }
  const testkit::authority root_ = testkit::authority::make_root("Top").value();
  const testkit::authority upper_ = root_.make_intermediate("Upper").value();
  const testkit::authority middle_ = upper_.make_intermediate("Middle").value();
  // The same name and another key: not the one that signed.
  const testkit::authority impostor_ = root_.make_intermediate("Middle").value();
};

TEST_F(chains, of_a_certificate_on_a_token_end_where_no_issuer_is_known) { EXPECT_EQ(subjects("leaf"), "CN=leaf "); }

TEST_F(chains, are_completed_from_the_token_without_the_root) {
  auto token = a_->admin().value();
  for (const auto* one : {&impostor_, &root_, &upper_, &middle_})
    token.import_certificate(parse(one->certificate()), "issuer", {}).value();
  EXPECT_EQ(subjects("leaf"), "CN=leaf CN=Middle CN=Upper ");
  EXPECT_EQ(chain("leaf").value()[1].sha256(), parse(middle_.certificate()).sha256())
      << "by signature, not by name alone";
}

TEST_F(chains, are_completed_from_elsewhere_and_from_the_token_together) {
  auto token = a_->admin().value();
  token.import_certificate(parse(upper_.certificate()), "issuer", {}).value();
  const std::vector<certificate> others = {parse(middle_.certificate())};
  EXPECT_EQ(subjects("leaf", others), "CN=leaf CN=Middle CN=Upper ");
}

TEST_F(chains, begin_with_the_certificate_of_the_key_that_lasts_longest) {
  auto token = a_->admin().value();
  const auto local = testkit::local_key::generate("ec256").value();
  const auto of_days = [&](int days, std::chrono::hours age = std::chrono::hours(1)) {
    const auto made = middle_.issue_for(local.public_key(), {.common_name = std::to_string(days),
                                                             .names = {"x.test"},
                                                             .validity = std::chrono::hours(24 * days),
                                                             .age = age});
    return parse(made.value().certificate);
  };
  token.import_certificate(of_days(1), "renewed", {}).value();
  token.import_certificate(of_days(80), "renewed", {}).value();
  token.import_certificate(of_days(80), "renewed", {}).value();
  token.import_certificate(of_days(200, std::chrono::hours(-24)), "renewed", {}).value();  // valid from tomorrow
  uri wanted;
  wanted.object = "renewed";
  const auto chosen = token.choose_certificate(wanted, local.public_key()).value();
  EXPECT_EQ(chosen.chain.front().subject(), "CN=80");
  EXPECT_EQ(chosen.passed_over.size(), 3u);
  EXPECT_EQ(chain("renewed").value().front().subject(), "CN=80");
  // One of another key is passed over in silence where the key is known, and otherwise not guessed about.
  const auto other = middle_.issue({.common_name = "other", .names = {"x.test"}}).value();
  token.import_certificate(parse(other.certificate), "renewed", {}).value();
  EXPECT_EQ(token.choose_certificate(wanted, local.public_key()).value().passed_over.size(), 3u);
  const auto none = chain("renewed");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::key_ambiguous);
}

TEST_F(tokens, keep_nothing_of_an_import_that_fails) {
  const test::faulty_token faulty;
  const auto root = testkit::authority::make_root("Root").value();
  const auto issued = root.issue({.common_name = "x", .names = {"x.test"}}).value();
  const auto numbers = testkit::local_key::from_pem(issued.key).value().numbers().value();
  const auto chain = certificate::from_pem(issued.chain + root.certificate()).value();
  const std::byte id{9};
  for (int nth = 1; nth <= 4; ++nth) {
    faulty.script("[[answer]]\nfunction = \"C_CreateObject\"\nvalue = \"CKR_TEMPLATE_INCONSISTENT\"\nnth = " +
                  std::to_string(nth));
    auto token = faulty.real().admin().value();
    const auto failed = token.import_objects(&numbers, chain, "half", {&id, 1});
    ASSERT_FALSE(failed) << nth;
    EXPECT_EQ(code_name(failed.error().code), "CKR_TEMPLATE_INCONSISTENT");
    EXPECT_EQ(failed.error().detail, "C_CreateObject");
    EXPECT_EQ(token.remove("half", {}).value(), 0u) << nth;
    EXPECT_TRUE(token.certificates().value().empty()) << nth;
  }
  faulty.script(
      "[[answer]]\nfunction = \"C_CreateObject\"\nvalue = \"CKR_DEVICE_MEMORY\"\nnth = 3\n"
      "[[answer]]\nfunction = \"C_DestroyObject\"\nvalue = \"CKR_FUNCTION_FAILED\"");
  auto token = faulty.real().admin().value();
  const auto stuck = token.import_objects(&numbers, chain, "half", {&id, 1});
  ASSERT_FALSE(stuck);
  EXPECT_EQ(stuck.error().detail,
            "C_CreateObject; and it could not be undone: left behind is pkcs11:id=%09;object=half, "
            "pkcs11:id=%09;object=half");
  faulty.behave();
  EXPECT_EQ(token.remove("half", {}).value(), 2u);
  EXPECT_TRUE(token.import_objects(&numbers, chain, "half", {&id, 1}));
  EXPECT_EQ(token.remove("half", {}).value(), 3u);
}

TEST_F(chains, of_a_certificate_that_is_not_there_are_an_error_that_lists_those_that_are) {
  const auto none = chain("other");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::no_certificate);
  EXPECT_NE(none.error().detail.find("object=leaf"), std::string::npos) << none.error().detail;
}

TEST_F(tokens, tell_how_they_are_now) {
  const auto token = a_->admin().value();
  const auto now = token.status();
  ASSERT_TRUE(now) << now.error().message();
  EXPECT_TRUE(now->is_logged_in);
  EXPECT_EQ(now->info.label, a_->label());
  const test::faulty_token faulty;
  const auto other = token::open(faulty.uri("")).value();
  faulty.script("[token]\nlog_out = 1");
  EXPECT_FALSE(other.status().value().is_logged_in);
  faulty.script("[token]\nunplugged = true");
  const auto gone = other.status();
  ASSERT_FALSE(gone);
  EXPECT_EQ(code_name(gone.error().code), "CKR_TOKEN_NOT_PRESENT");
}

}  // namespace
}  // namespace sluice::pkcs11
