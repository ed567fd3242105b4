// SPDX-License-Identifier: Apache-2.0
// Certificates that are good and look unusual: a client that refused them would be of no use.
#include "support/flavour.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

constexpr auto versions = {tls_version::tls1_2, tls_version::tls1_3};

void expect_meets(const testkit::issued& made, bool accepted, const std::string& what,
                  const testkit::authority& anchor = root()) {
  const auto id = identity::from_pem(made.chain, made.key);
  ASSERT_TRUE(id) << what << ": " << id.error().message();
  for (const auto version : versions) {
    pair p(client_context({.trust = trust::from_pem(anchor.certificate()).value()}),
           server_context({.identities = {*id}, .versions = {version, version}}));
    EXPECT_EQ(p.handshake(), accepted) << what << '\n' << why(p);
    EXPECT_EQ(p.client.last_failure().code, accepted ? error_code() : make_error_code(errc::name_mismatch)) << what;
  }
}

TEST(accepted_certificates, are_signed_with_sha_256_384_or_512_by_rsa_or_ecdsa) {
  for (const auto* key : {"rsa2048", "ec256"}) {
    const auto signer = testkit::authority::make_root("Root", key).value();
    for (const auto* digest : {"sha256", "sha384", "sha512"}) {
      const auto made =
          signer.issue({.common_name = "localhost", .names = {"localhost"}, .digest = digest}, key).value();
      expect_meets(made, true, std::string(key) + " " + digest, signer);
    }
  }
}

// CA/Browser Forum: 2.23.140.1.1 is extended validation.
TEST(accepted_certificates, may_be_of_extended_validation) {
  const auto middle = root().make_intermediate("Extended Validation").value();
  const auto made = middle.issue({.common_name = "localhost",
                                  .names = {"localhost"},
                                  .policies = "2.23.140.1.1",
                                  .certificate_authority_name = "Example Ltd"});
  expect_meets(made.value(), true, "extended validation");
}

TEST(accepted_certificates, need_no_subject_and_no_common_name_but_an_alternative_name) {
  expect_meets(root().issue({.names = {"localhost"}}).value(), true, "no subject");
  expect_meets(root().issue({.names = {"localhost"}, .certificate_authority_name = "Example Ltd"}).value(), true,
               "no common name");
  expect_meets(root().issue({}).value(), false, "neither subject nor names");
  expect_meets(root().issue({.certificate_authority_name = "Example Ltd"}).value(), false, "an organisation alone");
}

}  // namespace
}  // namespace sluice::test
