// SPDX-License-Identifier: Apache-2.0
// aws-c-io's names mean the policies they mean there; what goes wrong there is refused here, or works.
#include "sluice/compatibility.hpp"

#include "support/flavour.hpp"
#include "support/signer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::test {
namespace {

using enum tls_version;
using std::string_view;

bool has_pss(const policy& p) {
  return std::ranges::any_of(p.signatures, [](const auto& name) { return name.find("pss") != name.npos; });
}

client_options client_of(const policy_choice& choice) {
  return {.trust = trust_root(), .policy = choice.policy, .versions = choice.versions};
}

void expect_refused(const result<policy_choice>& choice, errc cause, string_view where, string_view detail) {
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, make_error_code(cause)) << choice.error().message();
  EXPECT_EQ(choice.error().where, where);
  EXPECT_EQ(choice.error().detail, detail);
}

// The procedure for a new engine relies on this one.
TEST(aws_names, every_one_maps_onto_a_policy_of_this_engine) {
  EXPECT_EQ(aws_policy_names().size(), 11u);
  for (const auto& row : aws_policy_names()) {
    const auto with = find_policy(row.policy);
    ASSERT_TRUE(with) << row.name << ": " << with.error().message();
    EXPECT_EQ(with->name, row.policy);
    EXPECT_EQ(with->max, tls1_3) << row.name;
    EXPECT_TRUE(has_pss(*with)) << row.name;
    if (row.policy_without_pss.empty()) continue;
    const auto without = find_policy(row.policy_without_pss);
    ASSERT_TRUE(without) << row.name << ": " << without.error().message();
    EXPECT_EQ(without->name, row.policy_without_pss);
    EXPECT_EQ(without->max, tls1_2) << row.name;
    EXPECT_FALSE(has_pss(*without)) << row.name << ": a token without PSS could not sign";
  }
}

TEST(aws_names, of_versions_mean_what_they_mean_there) {
  struct row {
    string_view name, policy, without_pss;
    tls_version min;
  };
  constexpr row rows[] = {
      {"AWS_IO_SSLv3", "AWS-CRT-SDK-SSLv3.0-2023", "CloudFront-SSL-v-3-Legacy", ssl3},
      {"AWS_IO_TLSv1", "AWS-CRT-SDK-TLSv1.0-2023", "CloudFront-TLS-1-0-2014-Legacy", tls1_0},
      {"AWS_IO_TLSv1_1", "AWS-CRT-SDK-TLSv1.1-2023", "ELBSecurityPolicy-TLS-1-1-2017-01", tls1_1},
      {"AWS_IO_TLSv1_2", "AWS-CRT-SDK-TLSv1.2-2025-PQ", "ELBSecurityPolicy-TLS-1-2-Ext-2018-06", tls1_2},
      {"AWS_IO_TLSv1_3", "AWS-CRT-SDK-TLSv1.3-2025-PQ", "", tls1_3},
      {"AWS_IO_TLS_VER_SYS_DEFAULTS", "AWS-CRT-SDK-TLSv1.0-2025-PQ", "ELBSecurityPolicy-TLS-1-1-2017-01", tls1_0},
      {"aws_io_tlsv1_2", "AWS-CRT-SDK-TLSv1.2-2025-PQ", "ELBSecurityPolicy-TLS-1-2-Ext-2018-06", tls1_2},
      {"", "AWS-CRT-SDK-TLSv1.2-2025-PQ", "ELBSecurityPolicy-TLS-1-2-Ext-2018-06", tls1_2},
  };
  for (const auto& r : rows) {
    for (const auto* none : {"", "AWS_IO_TLS_CIPHER_PREF_SYSTEM_DEFAULT"}) {
      const auto choice = aws_policy(r.name, none).value();
      EXPECT_EQ(choice.policy, r.policy);
      EXPECT_EQ(choice.versions.min, r.min);
      EXPECT_EQ(find_policy(choice.policy).value().min, r.min) << r.name;
      EXPECT_TRUE(context::client(client_of(choice)));
    }
    if (r.without_pss.empty()) continue;
    const auto choice = aws_policy(r.name, {}, rsa_signing::pkcs1_only).value();
    EXPECT_EQ(choice.policy, r.without_pss);
    EXPECT_EQ(choice.versions.min, r.min);
    EXPECT_TRUE(context::client(client_of(choice)));
  }
}

TEST(aws_names, of_preferences_mean_what_they_mean_there) {
  const std::pair<string_view, string_view> rows[] = {
      {"AWS_IO_TLS_CIPHER_PREF_PQ_TLSV1_2_2024_10", "AWS-CRT-SDK-TLSv1.2-2023-PQ"},
      {"AWS_IO_TLS_CIPHER_PREF_PQ_DEFAULT", "AWS-CRT-SDK-TLSv1.2-2025-PQ"},
      {"AWS_IO_TLS_CIPHER_PREF_TLSV1_2_2025_07", "AWS-CRT-SDK-TLSv1.2-2025"},
      {"AWS_IO_TLS_CIPHER_PREF_TLSV1_0_2023_06", "AWS-CRT-SDK-TLSv1.0-2023"},
      {"AWS_IO_TLS_CIPHER_PREF_NON_PQ_DEFAULT", "AWS-CRT-SDK-TLSv1.0-2023"},
  };
  for (const auto& [name, policy] : rows) {
    EXPECT_EQ(aws_policy("AWS_IO_TLSv1_1", name).value().policy, policy);
    EXPECT_TRUE(context::client(client_of(aws_policy("AWS_IO_TLSv1_1", name).value())));
  }
}

TEST(aws_names, of_preferences_never_lower_the_minimum) {
  constexpr auto low = "AWS_IO_TLS_CIPHER_PREF_NON_PQ_DEFAULT";
  ASSERT_EQ(find_policy(aws_policy("", low).value().policy).value().min, tls1_0);
  EXPECT_EQ(aws_policy("", low).value().versions.min, tls1_2);
  const auto strict = client_of(aws_policy("AWS_IO_TLSv1_3", low).value());
  pair refused(client_context(strict), server_context({.versions = {tls1_2, tls1_2}}));
  EXPECT_FALSE(refused.handshake());
  EXPECT_EQ(refused.client.last_failure().code, make_error_code(errc::version_unsupported)) << why(refused);
  pair fine(client_context(strict), server_context());
  ASSERT_TRUE(fine.handshake()) << why(fine);
  EXPECT_EQ(fine.client.info().version, "TLSv1.3");
}

TEST(aws_names, are_refused_where_they_are_withdrawn_or_unknown) {
  for (const auto* name : {"KMS_PQ_TLSv1_0_2019_06", "KMS_PQ_SIKE_TLSv1_0_2019_11", "KMS_PQ_TLSv1_0_2020_02",
                           "KMS_PQ_SIKE_TLSv1_0_2020_02", "KMS_PQ_TLSv1_0_2020_07", "PQ_TLSv1_0_2021_05"}) {
    const auto whole = std::string("AWS_IO_TLS_CIPHER_PREF_") + name;
    expect_refused(aws_policy("", whole), errc::unknown_policy, whole, "aws-c-io has withdrawn this preference");
  }
  expect_refused(aws_policy("AWS_IO_TLSv1_4"), errc::unknown_policy, "AWS_IO_TLSv1_4",
                 "it is not a version of aws-c-io");
  expect_refused(aws_policy("", "default"), errc::unknown_policy, "default",
                 "it is not a cipher preference of aws-c-io");
}

server_options server_of(const policy_choice& choice, const signer_identity& generated) {
  return {.identities = {identity::from_chain(generated.chain, generated.key).value()},
          .policy = choice.policy,
          .versions = choice.versions};
}

TEST(aws_names, leave_a_key_elsewhere_tls13_and_pss) {
  for (const auto* preference : {"", "AWS_IO_TLS_CIPHER_PREF_PQ_DEFAULT", "AWS_IO_TLS_CIPHER_PREF_NON_PQ_DEFAULT"}) {
    const auto generated = signer_site("rsa2048");
    pair p(client_context(), server_context(server_of(aws_policy("AWS_IO_TLSv1_3", preference).value(), generated)));
    ASSERT_TRUE(p.handshake()) << preference << why(p);
    EXPECT_EQ(p.client.info().version, "TLSv1.3");
    EXPECT_EQ(kind_of(generated.key->requests()[0].scheme), signature_kind::rsa_pss);
  }
}

TEST(aws_names, never_ask_a_key_without_pss_for_it) {
  for (const auto* version : {"AWS_IO_TLSv1_2", "AWS_IO_TLSv1_1", "AWS_IO_TLSv1", "AWS_IO_TLS_VER_SYS_DEFAULTS"}) {
    const auto generated = signer_site("rsa2048");
    const auto choice = aws_policy(version, {}, rsa_signing::pkcs1_only).value();
    pair p(client_context(), server_context(server_of(choice, generated)));
    ASSERT_TRUE(p.handshake()) << version << why(p);
    EXPECT_EQ(kind_of(generated.key->requests()[0].scheme), signature_kind::rsa_pkcs1) << version;
  }
  constexpr auto detail = "it has RSA keys sign with PSS, which the key does not do";
  expect_refused(aws_policy("AWS_IO_TLSv1_3", {}, rsa_signing::pkcs1_only), errc::policy_conflict, "AWS_IO_TLSv1_3",
                 detail);
  for (const auto& row : aws_policy_names()) {
    if (!row.name.starts_with("AWS_IO_TLS_CIPHER_PREF_")) continue;
    expect_refused(aws_policy("", row.name, rsa_signing::pkcs1_only), errc::policy_conflict, row.name, detail);
  }
}

}  // namespace
}  // namespace sluice::test
