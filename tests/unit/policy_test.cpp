// SPDX-License-Identifier: Apache-2.0
// Security policies as the linked s2n has them: the presets fit, names are found, contradictions are explained.
#include "sluice/policy.hpp"

#include "core/base/error_tables.hpp"
#include "support/certs.hpp"

#include <s2n.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

extern "C" {
extern const char* deprecated_security_policies[];
extern const size_t deprecated_security_policies_len;
}

namespace sluice::test {
namespace {

using enum tls_version;

// The procedure for a new engine relies on this one.
TEST(policy_presets, exist_in_this_engine_are_not_deprecated_and_have_exactly_their_versions) {
  std::set<std::pair<tls_version, tls_version>> ranges;
  for (const auto& preset : policy_presets()) {
    const auto found = find_policy(preset.name);
    ASSERT_TRUE(found) << preset.name << ": " << found.error().message();
    EXPECT_EQ(found->name, preset.name);
    EXPECT_FALSE(found->deprecated);
    EXPECT_EQ(to_string(found->min), to_string(preset.min)) << preset.name;
    EXPECT_EQ(to_string(found->max), to_string(preset.max)) << preset.name;
    EXPECT_TRUE(ranges.insert({preset.min, preset.max}).second) << "two presets for one range";
    for (const auto& suite : found->suites) {
      EXPECT_EQ(suite.find("RC4"), suite.npos) << preset.name;
      EXPECT_EQ(suite.find("NULL"), suite.npos) << preset.name;
    }
    EXPECT_FALSE(found->suites.empty());
    EXPECT_FALSE(found->groups.empty());
    EXPECT_FALSE(found->signatures.empty());
    EXPECT_TRUE(context::client({.trust = trust_root(), .versions = {preset.min, preset.max}}));
  }
}

TEST(policy_presets, answer_every_range_of_the_versions_in_use) {
  const std::pair<version_range, std::pair<tls_version, tls_version>> rows[] = {
      {{}, {tls1_2, tls1_3}},           {{tls1_2, {}}, {tls1_2, tls1_3}},     {{{}, tls1_3}, {tls1_2, tls1_3}},
      {{tls1_3, {}}, {tls1_3, tls1_3}}, {{{}, tls1_2}, {tls1_2, tls1_2}},     {{tls1_1, {}}, {tls1_1, tls1_3}},
      {{tls1_0, {}}, {tls1_0, tls1_3}}, {{tls1_1, tls1_2}, {tls1_1, tls1_2}}, {{tls1_0, tls1_2}, {tls1_0, tls1_2}}};
  for (const auto& [asked, got] : rows) {
    const auto chosen = choose_policy("", asked).value();
    EXPECT_EQ(chosen.min, got.first);
    EXPECT_EQ(chosen.max, got.second);
  }
  EXPECT_EQ(choose_policy("", {}).value().name, "default");
  EXPECT_TRUE(choose_policy("", {}).value().post_quantum);
}

TEST(policy, is_found_by_name_whatever_its_case) {
  EXPECT_EQ(find_policy("DEFAULT_tls13").value().name, "default_tls13");
  EXPECT_EQ(find_policy("aws-crt-sdk-tlsv1.2-2023").value().name, "AWS-CRT-SDK-TLSv1.2-2023");
}

TEST(policy, is_described_as_s2n_describes_it) {
  const auto found = find_policy("rfc9151").value();
  EXPECT_EQ(found.min, tls1_2);
  EXPECT_EQ(found.max, tls1_3);
  EXPECT_FALSE(found.post_quantum);
  EXPECT_EQ(found.groups, std::vector<std::string>{"secp384r1"});
  EXPECT_EQ(found.suites.front(), "TLS_AES_256_GCM_SHA384");
  EXPECT_FALSE(found.certificate_signatures.empty());
  const auto usual = find_policy("default").value();
  EXPECT_TRUE(usual.certificate_signatures.empty());
  EXPECT_EQ(usual.groups.front(), "X25519MLKEM768");
  EXPECT_NE(usual.fingerprint, found.fingerprint);
  EXPECT_EQ(find_policy("cnsa_1").value().fingerprint, found.fingerprint);
}

TEST(policy, every_one_listed_can_be_read_and_used) {
  const auto names = policy_names();
  EXPECT_GT(names.size(), 100u);
  for (const auto& name : names) {
    const auto found = find_policy(name);
    ASSERT_TRUE(found) << name << ": " << found.error().message();
    EXPECT_LE(found->min, found->max) << name;
    EXPECT_FALSE(found->suites.empty()) << name;
    EXPECT_FALSE(found->groups.empty()) << name;
    EXPECT_FALSE(found->signatures.empty()) << name;
    EXPECT_TRUE(context::client({.trust = trust_root(), .policy = name})) << name;
  }
}

TEST(policy, for_tests_is_neither_listed_nor_found) {
  for (const auto& name : policy_names()) {
    EXPECT_NE(name, "null");
    EXPECT_FALSE(name.starts_with("test_")) << name;
  }
  for (const auto* name : {"null", "NULL", "test_all", "Test_All", "test_all_rsa_kex"}) {
    EXPECT_EQ(find_policy(name).error().code, make_error_code(errc::unknown_policy)) << name;
  }
}

TEST(policy, that_s2n_deprecates_is_refused_with_the_reason) {
  ASSERT_GT(deprecated_security_policies_len, 0u);
  for (std::size_t i = 0; i < deprecated_security_policies_len; ++i) {
    const auto found = find_policy(deprecated_security_policies[i]);
    ASSERT_FALSE(found) << deprecated_security_policies[i];
    EXPECT_EQ(found.error().code, make_error_code(errc::unknown_policy));
    EXPECT_EQ(found.error().detail, "s2n has deprecated this policy");
  }
}

TEST(policy, that_s2n_deprecates_is_known_by_name_and_listed_apart) {
  const auto deprecated = deprecated_policy_names();
  EXPECT_EQ(deprecated.size(), deprecated_security_policies_len);
  const auto names = policy_names();
  for (const auto& name : deprecated) {
    EXPECT_FALSE(find_policy(name)) << name;
    EXPECT_EQ(std::ranges::find(names, name), names.end()) << name;
  }
}

TEST(policy, that_is_unknown_is_named_with_what_is_near) {
  const auto remedy = [](const char* name) {
    const auto error = find_policy(name).error();
    EXPECT_EQ(error.code, make_error_code(errc::unknown_policy));
    EXPECT_EQ(error.where, name);
    return error.remedy;
  };
  EXPECT_EQ(remedy("defualt"), "did you mean default?");
  EXPECT_EQ(remedy("rfc9152"), "did you mean rfc9151?");
  EXPECT_EQ(remedy("cnsa1"), "did you mean cnsa_1, cnsa_2?");
  EXPECT_TRUE(remedy("AWS-CRT-SDK-TLSv1.9").starts_with("did you mean AWS-CRT-SDK-TLSv1.0,"))
      << remedy("AWS-CRT-SDK-TLSv1.9");
  EXPECT_EQ(remedy("completely different"), "`sluice policy list` shows all");
  EXPECT_EQ(remedy(""), "`sluice policy list` shows all");
  EXPECT_EQ(remedy(std::string(1000, 'x').c_str()), "`sluice policy list` shows all");
}

TEST(policy, that_offers_more_than_the_greatest_version_is_a_conflict_that_names_what_fits) {
  const auto error = choose_policy("default", {{}, tls1_2}).error();
  EXPECT_EQ(error.code, make_error_code(errc::policy_conflict));
  EXPECT_EQ(error.where, "default");
  EXPECT_EQ(error.detail, "it offers TLSv1.3, above the greatest version TLSv1.2");
  EXPECT_EQ(error.remedy, "fitting policies: 20240501, ELBSecurityPolicy-FS-1-1-2019-08, ELBSecurityPolicy-FS-2018-06");
}

TEST(policy, that_offers_less_than_the_least_version_is_a_conflict_that_names_what_fits) {
  const auto error = choose_policy("20240501", {tls1_3, {}}).error();
  EXPECT_EQ(error.code, make_error_code(errc::policy_conflict));
  EXPECT_EQ(error.where, "20240501");
  EXPECT_EQ(error.detail, "it offers at most TLSv1.2");
  EXPECT_EQ(error.remedy, "fitting policies: AWS-CRT-SDK-TLSv1.3-2025-PQ");
}

TEST(policy, names_what_fits_and_only_that) {
  for (const auto& [range, named] :
       {std::pair(version_range{{}, tls1_2}, "default"), std::pair(version_range{tls1_3, {}}, "20240501")}) {
    const auto remedy = choose_policy(named, range).error().remedy;
    std::string_view rest = std::string_view(remedy).substr(std::string_view("fitting policies: ").size());
    while (!rest.empty()) {
      const auto name = rest.substr(0, rest.find(", "));
      EXPECT_TRUE(choose_policy(name, range)) << name;
      rest.remove_prefix(std::min(rest.size(), name.size() + 2));
    }
  }
}

TEST(policy, may_offer_less_than_the_least_version_which_the_connection_then_enforces) {
  EXPECT_EQ(choose_policy("default", {tls1_3, {}}).value().name, "default");
  EXPECT_EQ(choose_policy("20190214", {tls1_2, tls1_2}).value().name, "20190214");
}

TEST(version_ranges, that_are_empty_or_that_no_policy_has_are_conflicts) {
  const auto upside_down = choose_policy("", {tls1_3, tls1_2}).error();
  EXPECT_EQ(upside_down.code, make_error_code(errc::policy_conflict));
  EXPECT_EQ(upside_down.detail, "the least version is above the greatest");
  for (const auto& range : {version_range{{}, tls1_1}, version_range{{}, tls1_0}, version_range{ssl3, {}}}) {
    const auto error = choose_policy("", range).error();
    EXPECT_EQ(error.code, make_error_code(errc::policy_conflict));
    EXPECT_EQ(error.where, "versions");
    EXPECT_TRUE(error.detail.starts_with("no policy offers exactly ")) << error.detail;
  }
  EXPECT_EQ(choose_policy("", {tls1_1, tls1_1}).error().remedy, "no policy of this s2n fits");
}

TEST(versions_by_name, are_read_in_every_spelling) {
  for (const auto version : {ssl3, tls1_0, tls1_1, tls1_2, tls1_3})
    EXPECT_EQ(tls_version_from(to_string(version)), version);
  EXPECT_EQ(tls_version_from("1.3"), tls1_3);
  EXPECT_EQ(tls_version_from("TLS1.2"), tls1_2);
  EXPECT_EQ(tls_version_from("TLSv1"), std::nullopt);
  EXPECT_EQ(tls_version_from("1.4"), std::nullopt);
  EXPECT_EQ(tls_version_from(""), std::nullopt);
}

// s2n.h has names without numbers. Every error s2n knows is asked for its name.
TEST(error_table, names_only_errors_that_this_engine_has) {
  std::set<std::string> known;
  for (int type = 0; type < 8; ++type) {
    for (int index = 0; index < 1024; ++index) {
      if (const char* name = s2n_strerror_name(type << 26 | index)) known.insert(name);
    }
  }
  EXPECT_GT(known.size(), 250u);
  for (const auto& row : internal::s2n_rows()) EXPECT_TRUE(known.contains(std::string(row.name))) << row.name;
}

}  // namespace
}  // namespace sluice::test
