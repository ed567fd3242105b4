// SPDX-License-Identifier: Apache-2.0
// What is said of a chain that was refused: the certificates as they were sent, and what is wrong with which.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include "core/x509/diagnosis.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

struct refusal {
  failure error;
  std::vector<certificate> sent;
};

refusal refused(const testkit::issued& site, version_range versions, client_options options = {}) {
  server_options server;
  server.identities = {identity::from_pem(site.chain, site.key).value()};
  server.versions = versions;
  pair p(client_context(std::move(options)), server_context(server));
  EXPECT_FALSE(p.handshake());
  return {p.client.last_failure(), p.client.unverified_certificates()};
}

class diagnosis : public testing::TestWithParam<version_range> {
 protected:
  const testkit::leaf_options localhost{.common_name = "localhost", .names = {"localhost"}};
};
INSTANTIATE_TEST_SUITE_P(versions, diagnosis,
                         testing::Values(version_range{{}, tls_version::tls1_2},
                                         version_range{tls_version::tls1_3, {}}),
                         [](const auto& info) { return info.param.min ? "tls13" : "tls12"; });

TEST_P(diagnosis, names_the_authority_that_is_not_trusted) {
  const auto other = testkit::authority::make_root("Other Root").value();
  const auto middle = other.make_intermediate("Other Middle").value();
  const auto [error, sent] = refused(middle.issue(localhost).value(), GetParam());
  EXPECT_EQ(error.code, errc::untrusted);
  EXPECT_EQ(error.detail,
            "\"CN=Other Middle\" was issued by \"CN=Other Root\", which is neither sent nor trusted; trusted is the "
            "one certificate of test root");
  EXPECT_EQ(error.certificate, "CN=localhost");
  EXPECT_EQ(error.depth, 0);
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].subject(), "CN=localhost");
  EXPECT_EQ(sent[1].subject(), "CN=Other Middle");
}

TEST_P(diagnosis, says_that_an_intermediate_is_missing) {
  const auto middle = root().make_intermediate("Middle").value();
  auto site = middle.issue(localhost).value();
  site.chain = site.certificate;
  const auto [error, sent] = refused(site, GetParam());
  EXPECT_EQ(error.code, errc::untrusted);
  EXPECT_EQ(error.detail,
            "\"CN=localhost\" was issued by \"CN=Middle\", which is neither sent nor trusted; trusted is the one "
            "certificate of "
            "test root");
  EXPECT_EQ(error.remedy, "have the peer send its intermediate certificates, or trust the issuer");
}

TEST_P(diagnosis, says_where_a_missing_intermediate_can_be_had) {
  const auto middle = root().make_intermediate("Middle").value();
  auto options = localhost;
  options.authority_information = "caIssuers;URI:http://ca.example/middle.der";
  auto site = middle.issue(options).value();
  site.chain = site.certificate;
  const auto [error, sent] = refused(site, GetParam());
  EXPECT_EQ(error.remedy,
            "have the peer send its intermediate certificates (this one is at http://ca.example/middle.der), or trust "
            "the issuer");
}

TEST_P(diagnosis, tells_self_signed_from_untrusted) {
  const auto [error, sent] = refused(testkit::self_signed(localhost).value(), GetParam());
  EXPECT_EQ(error.code, errc::self_signed);
  EXPECT_NE(error.code, errc::untrusted);
  EXPECT_EQ(sent.size(), 1u);
}

TEST_P(diagnosis, notices_an_authority_of_the_same_name) {
  const auto impostor = testkit::authority::make_root("Test Root").value();
  const auto [error, sent] = refused(impostor.issue(localhost).value(), GetParam());
  EXPECT_EQ(error.code, errc::untrusted);
  EXPECT_EQ(error.detail, "an authority named \"CN=Test Root\" is trusted, but it did not sign \"CN=localhost\"");
}

TEST_P(diagnosis, says_how_long_ago_it_expired) {
  auto options = localhost;
  options.age = 240h;
  options.validity = -73h;
  const auto [error, sent] = refused(root().issue(options).value(), GetParam());
  EXPECT_EQ(error.code, errc::expired);
  EXPECT_TRUE(error.detail.starts_with("\"CN=localhost\" expired 3 days ago (20")) << error.detail;
}

TEST_P(diagnosis, says_when_it_becomes_valid) {
  auto options = localhost;
  options.age = -49h;
  const auto [error, sent] = refused(root().issue(options).value(), GetParam());
  EXPECT_EQ(error.code, errc::not_yet_valid);
  EXPECT_TRUE(error.detail.starts_with("\"CN=localhost\" becomes valid in 2 days (20")) << error.detail;
}

TEST_P(diagnosis, shows_a_client_s_chain_to_the_server) {
  const auto stranger = testkit::authority::make_root("Strangers").value().issue({.common_name = "device"}).value();
  server_options server;
  server.identities = {site_identity()};
  server.versions = GetParam();
  server.client_auth = client_auth::required;
  server.trust = trust_root();
  pair p(client_context({.identity = identity::from_pem(stranger.chain, stranger.key).value()}),
         server_context(server));
  p.handshake();
  EXPECT_EQ(p.server.last_failure().code, errc::untrusted);
  EXPECT_EQ(p.server.last_failure().certificate, "CN=device");
  ASSERT_EQ(p.server.unverified_certificates().size(), 1u);
}

TEST_P(diagnosis, keeps_no_chain_of_a_handshake_that_went_well) {
  const auto& d = device();
  pair p(client_context({.identity = identity::from_pem(d.chain, d.key).value()}),
         server_context({.client_auth = client_auth::required, .trust = trust_root(), .versions = GetParam()}));
  ASSERT_TRUE(p.handshake());
  EXPECT_TRUE(p.client.unverified_certificates().empty());
  EXPECT_TRUE(p.server.unverified_certificates().empty());
}

TEST(length_text, is_in_the_largest_unit) {
  EXPECT_EQ(internal::length_text(0s), "less than a second");
  EXPECT_EQ(internal::length_text(61s), "1 minute");
  EXPECT_EQ(internal::length_text(7200s), "2 hours");
  EXPECT_EQ(internal::length_text(86400s * 3 + 5s), "3 days");
}

}  // namespace
}  // namespace sluice::test
