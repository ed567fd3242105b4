// SPDX-License-Identifier: Apache-2.0
// What s2n would take and a client that must be trusted does not: and how each is allowed again.
#include "support/certs.hpp"
#include "support/changed.hpp"
#include "support/pair.hpp"

#include "core/x509/signature_strength.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

struct judgement {
  bool accepted;
  failure error;
};

judgement meet(const testkit::issued& site, allowances allow, const std::string& name = "localhost",
               const std::optional<trust>& anchors = {}) {
  client_options client;
  client.allow = allow;
  client.trust = anchors;
  server_options server;
  server.identities = {identity::from_pem(site.chain, site.key).value()};
  pair p(client_context(client), server_context(server), {.server_name = name, .alpn = {}});
  const bool accepted = p.handshake();
  return {accepted, p.client.last_failure()};
}

TEST(strength, a_sha1_signature_is_weak) {
  const auto site = root().issue({.common_name = "localhost", .names = {"localhost"}, .digest = "sha1"}).value();
  const auto refused = meet(site, {});
  EXPECT_EQ(refused.error.code, errc::certificate_weak);
  EXPECT_EQ(refused.error.detail, "\"CN=localhost\" is signed with SHA-1");
  EXPECT_EQ(refused.error.depth, 0);
  EXPECT_TRUE(meet(site, {.sha1_signatures = true}).accepted);
}

TEST(strength, a_sha1_signature_on_an_intermediate_is_weak) {
  const auto middle = root().make_intermediate("Old Middle", "ec256", {.digest = "sha1"}).value();
  const auto site = middle.issue({.common_name = "localhost", .names = {"localhost"}}).value();
  const auto refused = meet(site, {});
  EXPECT_EQ(refused.error.code, errc::certificate_weak);
  EXPECT_EQ(refused.error.certificate, "CN=Old Middle");
  EXPECT_EQ(refused.error.depth, 1);
  EXPECT_TRUE(meet(site, {.sha1_signatures = true}).accepted);
}

TEST(strength, the_anchor_s_own_signature_proves_nothing_and_is_not_looked_at) {
  const auto old = testkit::authority::make_root("Old Root", "ec256", {.digest = "sha1"}).value();
  const auto site = old.issue({.common_name = "localhost", .names = {"localhost"}}).value();
  EXPECT_TRUE(meet(site, {}, "localhost", trust::from_pem(old.certificate()).value()).accepted);
}

TEST(strength, a_small_rsa_key_is_weak) {
  const auto site = root().issue({.common_name = "localhost", .names = {"localhost"}}, "rsa1024").value();
  const auto refused = meet(site, {});
  EXPECT_EQ(refused.error.code, errc::certificate_weak);
  EXPECT_EQ(refused.error.detail, "\"CN=localhost\" has the key RSA 1024");
  EXPECT_TRUE(meet(site, {.small_rsa_keys = true}).accepted);
}

TEST(strength, a_common_name_stands_for_nothing) {
  const auto site = root().issue({.common_name = "localhost"}).value();
  const auto refused = meet(site, {});
  EXPECT_EQ(refused.error.code, errc::name_mismatch);
  EXPECT_EQ(refused.error.detail, "it names no host (no subjectAltName)");
  EXPECT_TRUE(meet(site, {.common_name = true}).accepted);
}

TEST(strength, a_dns_name_stands_for_no_address) {
  const auto site = root().issue({.common_name = "x", .names = {"DNS:127.0.0.1"}}).value();
  EXPECT_EQ(meet(site, {}, "127.0.0.1").error.code, errc::name_mismatch);
  EXPECT_TRUE(meet(site, {.dns_name_as_ip = true}, "127.0.0.1").accepted);
}

struct pss {
  const EVP_MD* hash;
  const EVP_MD* mask;
  const char* weakness;  // empty: good
};

TEST(strength, of_rsassa_pss_is_that_of_its_hashes) {
  const auto old = testkit::authority::make_root("RSA Root", "rsa2048").value();
  for (const auto& row :
       {pss{EVP_sha256(), EVP_sha256(), ""}, pss{EVP_sha384(), EVP_sha512(), ""},
        pss{EVP_sha1(), EVP_sha1(), "RSASSA-PSS with SHA-1"}, pss{EVP_sha256(), EVP_sha1(), "RSASSA-PSS with SHA-1"},
        pss{EVP_sha1(), EVP_sha256(), "RSASSA-PSS with SHA-1"}}) {
    const auto* const hash = row.hash;
    const auto* const mask = row.mask;
    const auto* const weakness = row.weakness;
    const auto site =
        changed(old, {.common_name = "localhost", .names = {"localhost"}},
                {.to = {}, .sign = [&](X509* x509, EVP_PKEY* key) { return sign_pss(x509, key, hash, mask); }});
    const auto anchors = trust::from_pem(old.certificate()).value();
    const auto met = meet(site, {}, "localhost", anchors);
    if (*weakness == 0 && hash == mask) {
      EXPECT_TRUE(met.accepted) << met.error.message();
    } else if (hash == mask) {
      EXPECT_EQ(met.error.code, errc::certificate_weak);
      EXPECT_EQ(met.error.detail, std::string("\"CN=localhost\" is signed with ") + weakness);
      EXPECT_TRUE(meet(site, {.sha1_signatures = true}, "localhost", anchors).accepted);
    } else {
      const auto& pem = site.certificate;
      const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
      const bssl::UniquePtr<X509> x509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
      const auto strength = internal::strength_of_signature(x509.get());
      EXPECT_EQ(strength.is == internal::signature_strength::grade::good, *weakness == 0);
    }
  }
}

TEST(strength, of_an_algorithm_that_is_not_listed_is_none) {
  const bssl::UniquePtr<X509> x509(X509_new());
  const auto with = [&](int nid) {
    const bssl::UniquePtr<X509_ALGOR> algorithm(X509_ALGOR_new());
    X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(nid), V_ASN1_UNDEF, nullptr);
    X509_set1_signature_algo(x509.get(), algorithm.get());
    return internal::strength_of_signature(x509.get());
  };
  using grade = internal::signature_strength::grade;
  EXPECT_EQ(with(NID_dsa_with_SHA256).is, grade::unknown);
  EXPECT_EQ(with(NID_md4WithRSAEncryption).is, grade::unknown);
  EXPECT_EQ(with(NID_md5WithRSAEncryption).algorithm, "MD5");
  EXPECT_EQ(with(NID_ecdsa_with_SHA384).is, grade::good);
  EXPECT_EQ(with(NID_rsassaPss).algorithm, "RSASSA-PSS with SHA-1") << "its parameters are left out";
  EXPECT_EQ(with(NID_sha256).algorithm, "the algorithm 2.16.840.1.101.3.4.2.1");
}

TEST(strength, an_allowance_allows_no_more_than_it_says) {
  const auto site = root().issue({.common_name = "localhost", .names = {"other.test"}}).value();
  EXPECT_EQ(meet(site, {.common_name = true}).error.code, errc::name_mismatch)
      << "a dNSName is there, so the common name is out";
}

}  // namespace
}  // namespace sluice::test
