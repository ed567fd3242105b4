// SPDX-License-Identifier: Apache-2.0
// Which certificates may stand at the end of a chain: no authority's, unless it is trusted itself, and only one whose
// key may do what it is asked to.
#include "support/certs.hpp"
#include "support/changed.hpp"
#include "support/flavour.hpp"
#include "support/pair.hpp"

#include <openssl/nid.h>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

const testkit::leaf_options localhost{.common_name = "localhost", .names = {"localhost"}};

testkit::issued with_usage(const std::string& usage, const std::string& constraints = "CA:FALSE",
                           const std::string& key_type = "ec256") {
  return changed(root(), localhost,
                 {.to =
                      [&](X509* x509) {
                        set_extension(x509, NID_key_usage, usage);
                        set_extension(x509, NID_basic_constraints, constraints);
                      },
                  .sign = {},
                  .key_type = key_type});
}

identity identity_of(const testkit::issued& one) { return identity::from_pem(one.chain, one.key).value(); }

class leaf : public testing::TestWithParam<tls_version> {
 protected:
  // Of the side that judges; nothing when it accepts.
  failure as_server(const testkit::issued& one, client_options client = {}) const {
    pair p(client_context(std::move(client)),
           server_context({.identities = {identity_of(one)}, .versions = {GetParam(), GetParam()}}));
    return p.handshake() ? failure() : p.client.last_failure();
  }
  failure as_client(const testkit::issued& one) const {
    pair p(client_context({.identity = identity_of(one)}), server_context({.client_auth = client_auth::required,
                                                                           .trust = trust_root(),
                                                                           .policy = {},
                                                                           .versions = {GetParam(), GetParam()}}));
    p.handshake();
    return p.server.last_failure();
  }
};
INSTANTIATE_TEST_SUITE_P(versions, leaf, testing::Values(tls_version::tls1_2, tls_version::tls1_3),
                         [](const auto& info) { return info.param == tls_version::tls1_2 ? "tls12" : "tls13"; });

TEST_P(leaf, of_an_authority_is_refused_in_both_roles) {
  for (const auto* usage : {"keyCertSign,digitalSignature", "digitalSignature"}) {
    const auto authority = with_usage(usage, "critical,CA:TRUE");
    for (const auto& error : {as_server(authority), as_client(authority)}) {
      EXPECT_EQ(error.code, errc::wrong_purpose) << usage;
      EXPECT_EQ(error.detail, "\"CN=localhost\" is an authority's (basicConstraints CA:TRUE)") << usage;
      EXPECT_EQ(error.depth, 0) << usage;
    }
  }
}

TEST_P(leaf, of_an_authority_is_accepted_where_it_is_itself_trusted) {
  const auto own = testkit::authority::make_root("localhost", "ec256", localhost).value();
  const auto pinned = changed(own, {.common_name = "localhost", .names = {"localhost"}, .is_authority = true},
                              {.to = [](X509* x509) { set_extension(x509, NID_key_usage, ""); }, .sign = {}});
  EXPECT_EQ(as_server(pinned, {.trust = trust::from_pem(pinned.certificate).value()}).message(), failure().message());
  EXPECT_EQ(as_server(pinned, {.trust = trust::from_pem(own.certificate()).value()}).code, errc::wrong_purpose)
      << "trusting its issuer is not trusting it";
}

TEST_P(leaf, whose_key_may_not_sign_is_refused_in_both_roles) {
  for (const auto* usage : {"critical,keyEncipherment", "keyAgreement", "nonRepudiation"}) {
    const auto mute = with_usage(usage);
    for (const auto& error : {as_server(mute), as_client(mute)}) {
      EXPECT_EQ(error.code, errc::wrong_purpose) << usage;
      EXPECT_NE(error.detail.find("lacks digitalSignature"), std::string::npos) << error.detail;
      EXPECT_NE(error.remedy.find("key usage digitalSignature"), std::string::npos) << error.remedy;
    }
  }
}

TEST_P(leaf, without_a_key_usage_may_do_everything) {
  EXPECT_FALSE(as_server(with_usage("")).code);
  EXPECT_FALSE(as_client(with_usage("")).code);
  EXPECT_FALSE(as_server(with_usage("digitalSignature")).code);
}

}  // namespace
}  // namespace sluice::test
