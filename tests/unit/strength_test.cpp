// SPDX-License-Identifier: Apache-2.0
// What s2n would take and a client that must be trusted does not: and how each is allowed again.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

struct outcome {
  bool accepted;
  failure why;
};

outcome meet(const kit::issued& site, allowances allow, const std::string& name = "localhost",
             std::optional<trust> anchors = {}) {
  client_options client;
  client.allow = allow;
  client.trust = std::move(anchors);
  server_options server;
  server.identities = {identity::from_pem(site.chain, site.key).value()};
  pair p(client_context(client), server_context(server), {.server_name = name, .alpn = {}});
  const bool accepted = p.handshake();
  return {accepted, p.client.last_failure()};
}

TEST(strength, a_sha1_signature_is_weak) {
  const auto site = root().issue({.common_name = "localhost", .names = {"localhost"}, .digest = "sha1"}).value();
  const auto refused = meet(site, {});
  EXPECT_EQ(refused.why.code, errc::weak);
  EXPECT_EQ(refused.why.detail, "\"CN=localhost\" is signed with SHA-1 or MD5");
  EXPECT_EQ(refused.why.depth, 0);
  EXPECT_TRUE(meet(site, {.sha1_signatures = true}).accepted);
}

TEST(strength, a_sha1_signature_on_an_intermediate_is_weak) {
  const auto middle = root().make_intermediate("Old Middle", "ec256", {.digest = "sha1"}).value();
  const auto site = middle.issue({.common_name = "localhost", .names = {"localhost"}}).value();
  const auto refused = meet(site, {});
  EXPECT_EQ(refused.why.code, errc::weak);
  EXPECT_EQ(refused.why.certificate, "CN=Old Middle");
  EXPECT_EQ(refused.why.depth, 1);
  EXPECT_TRUE(meet(site, {.sha1_signatures = true}).accepted);
}

TEST(strength, the_anchor_s_own_signature_proves_nothing_and_is_not_looked_at) {
  const auto old = kit::authority::make_root("Old Root", "ec256", {.digest = "sha1"}).value();
  const auto site = old.issue({.common_name = "localhost", .names = {"localhost"}}).value();
  EXPECT_TRUE(meet(site, {}, "localhost", trust::from_pem(old.certificate()).value()).accepted);
}

TEST(strength, a_small_rsa_key_is_weak) {
  const auto site = root().issue({.common_name = "localhost", .names = {"localhost"}}, "rsa1024").value();
  const auto refused = meet(site, {});
  EXPECT_EQ(refused.why.code, errc::weak);
  EXPECT_EQ(refused.why.detail, "\"CN=localhost\" has the key RSA 1024");
  EXPECT_TRUE(meet(site, {.small_rsa_keys = true}).accepted);
}

TEST(strength, a_common_name_stands_for_nothing) {
  const auto site = root().issue({.common_name = "localhost"}).value();
  const auto refused = meet(site, {});
  EXPECT_EQ(refused.why.code, errc::name_mismatch);
  EXPECT_EQ(refused.why.detail, "it names no host (no subjectAltName)");
  EXPECT_TRUE(meet(site, {.common_name = true}).accepted);
}

TEST(strength, a_dns_name_stands_for_no_address) {
  const auto site = root().issue({.common_name = "x", .names = {"DNS:127.0.0.1"}}).value();
  EXPECT_EQ(meet(site, {}, "127.0.0.1").why.code, errc::name_mismatch);
  EXPECT_TRUE(meet(site, {.dns_name_as_ip = true}, "127.0.0.1").accepted);
}

TEST(strength, an_allowance_allows_no_more_than_it_says) {
  const auto site = root().issue({.common_name = "localhost", .names = {"other.test"}}).value();
  EXPECT_EQ(meet(site, {.common_name = true}).why.code, errc::name_mismatch)
      << "a dNSName is there, so the common name is out";
}

}  // namespace
}  // namespace sluice::test
