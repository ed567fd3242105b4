// SPDX-License-Identifier: Apache-2.0
// Authorities of one name and different keys: whoever signed counts, in both roles.
#include "core/context_state.hpp"
#include "support/certs.hpp"
#include "support/changed.hpp"
#include "support/flavour.hpp"

#include <openssl/nid.h>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

// Issued without key identifiers, by which they could be told apart.
testkit::issued plain_leaf(const testkit::authority& by) {
  return changed(by, {.common_name = "localhost", .names = {"localhost"}},
                 {.to = [](X509* x509) { set_extension(x509, NID_authority_key_identifier, ""); }, .sign = {}});
}

identity namesake_identity(const testkit::issued& one) { return identity::from_pem(one.chain, one.key).value(); }

struct namesakes : ::testing::TestWithParam<flavour> {
  const testkit::authority first = testkit::authority::make_root("Same Root").value();
  const testkit::authority second = testkit::authority::make_root("Same Root").value();
  const testkit::authority third = testkit::authority::make_root("Same Root").value();
  trust all() const {
    return trust::from_pem(first.certificate() + second.certificate() + third.certificate(), "all three").value();
  }
};

TEST_P(namesakes, are_all_tried_for_a_server) {
  for (const auto* signer : {&first, &second, &third}) {
    auto p = make_pair(GetParam(), {.trust = all()}, {.identities = {namesake_identity(plain_leaf(*signer))}});
    EXPECT_TRUE(p.handshake()) << why(p);
  }
}

TEST_P(namesakes, are_all_tried_for_a_client) {
  for (const auto* signer : {&first, &second, &third}) {
    auto p = make_pair(GetParam(), {.identity = namesake_identity(plain_leaf(*signer))},
                       {.client_auth = client_auth::required, .trust = all()});
    EXPECT_TRUE(p.handshake()) << why(p);
    EXPECT_TRUE(p.server.info().client_certificate);
  }
}

TEST_P(namesakes, are_no_excuse_for_one_that_is_not_trusted) {
  const auto stranger = testkit::authority::make_root("Same Root").value();
  auto p = make_pair(GetParam(), {.trust = all()}, {.identities = {namesake_identity(plain_leaf(stranger))}});
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, errc::untrusted);
  EXPECT_EQ(p.client.last_failure().detail,
            "an authority named \"CN=Same Root\" is trusted, but it did not sign \"CN=localhost\"");
}

TEST_P(namesakes, serve_one_connection_after_another) {
  auto p = make_pair(GetParam(), {.trust = all()}, {.identities = {namesake_identity(plain_leaf(second))}});
  ASSERT_TRUE(p.handshake()) << why(p);
  p.client.reset({.server_name = "localhost"});
  p.server.reset();
  p.to_client.bytes.clear();
  p.to_server.bytes.clear();
  EXPECT_TRUE(p.handshake()) << why(p);
}

// Each connection then needs an engine configuration of its own.
TEST(namesakes_in_a_trust_store, have_one_name_and_different_keys) {
  const auto make = [](const char* name) { return testkit::authority::make_root(name).value(); };
  const auto has = [](const std::string& pem) {
    return internal::has_namesakes(trust::from_pem(pem, "store").value());
  };
  const auto same = make("Same Root"), reissued = make("Same Root"), other = make("Other Root");
  EXPECT_FALSE(has(same.certificate()));
  EXPECT_FALSE(has(same.certificate() + other.certificate()));
  EXPECT_FALSE(has(same.certificate() + same.certificate() + other.certificate()));
  EXPECT_TRUE(has(same.certificate() + reissued.certificate()));
  EXPECT_TRUE(has(same.certificate() + other.certificate() + reissued.certificate()));
}

INSTANTIATE_TEST_SUITE_P(versions, namesakes, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
