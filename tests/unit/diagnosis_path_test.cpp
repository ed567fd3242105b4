// SPDX-License-Identifier: Apache-2.0
// What is said of a path that reaches a trusted name and is refused, and of one that cannot reach any.
#include "support/certs.hpp"
#include "support/changed.hpp"
#include "support/pair.hpp"

#include <openssl/bio.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

const testkit::leaf_options localhost{.common_name = "localhost", .names = {"localhost"}};

failure refused(const std::string& chain, const std::string& key, const std::string& anchors,
                const std::string& policy = {}) {
  server_options server;
  server.identities = {identity::from_pem(chain, key).value()};
  client_options client;
  client.trust = trust::from_certificates(certificate::from_pem(anchors).value(), "the test store");
  client.policy = policy;
  pair p(client_context(client), server_context(server));
  EXPECT_FALSE(p.handshake());
  return p.client.last_failure();
}

failure refused(const testkit::issued& site, const std::string& anchors) {
  return refused(site.chain, site.key, anchors);
}

TEST(diagnosis_path, blames_the_signature_that_proves_nothing) {
  const auto old = testkit::authority::make_root("Old", "rsa2048").value();
  // AWS-LC makes no such signature, and does not verify one.
  const auto called_md5 = [](X509* x509, EVP_PKEY* key) {
    const int size = X509_sign(x509, key, EVP_sha256());
    const bssl::UniquePtr<X509_ALGOR> algorithm(X509_ALGOR_new());
    X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_md5WithRSAEncryption), V_ASN1_NULL, nullptr);
    return X509_set1_signature_algo(x509, algorithm.get()) == 1 ? size : 0;
  };
  const auto site = changed(old, localhost, {.to = {}, .sign = called_md5});
  const auto error = refused(site, old.certificate());
  EXPECT_EQ(error.code, errc::certificate_weak) << error.message();
  EXPECT_EQ(error.detail, "\"CN=localhost\" is signed with MD5");
}

TEST(diagnosis_path, blames_sha1_under_a_policy_that_lists_signatures) {
  const auto middle = root().make_intermediate("Old Middle", "ec256", {.digest = "sha1"}).value();
  const auto site = middle.issue(localhost).value();
  for (const auto* policy : {"", "default_pq", "20240503"}) {
    const auto error = refused(site.chain, site.key, root().certificate(), policy);
    EXPECT_EQ(error.code, errc::certificate_weak) << policy << ": " << error.message();
    EXPECT_EQ(error.detail, "\"CN=Old Middle\" is signed with SHA-1") << policy;
    EXPECT_EQ(error.certificate, "CN=Old Middle") << policy;
  }
}

TEST(diagnosis_path, names_the_constraint_and_its_certificate) {
  const auto narrow =
      testkit::authority::make_root("Narrow", "ec256", {.name_constraints = "permitted;DNS:example.org"}).value();
  const auto error = refused(narrow.issue(localhost).value(), narrow.certificate());
  EXPECT_EQ(error.code, errc::untrusted);
  EXPECT_EQ(error.detail,
            "\"CN=Narrow\", which the test store holds, may issue for certain names only, which those of "
            "\"CN=localhost\" are not (Permitted: DNS:example.org)");
  EXPECT_EQ(error.certificate, "CN=Narrow");
}

testkit::authority unfit_root(const std::function<void(X509*)>& change) {
  const auto plain = testkit::authority::make_root("Unfit").value();
  const bssl::UniquePtr<X509> x509(X509_dup(plain.x509()));
  change(x509.get());
  X509_sign(x509.get(), plain.signer().get(), EVP_sha256());
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), x509.get());
  const uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return testkit::authority::from_pem({reinterpret_cast<const char*>(data), size}, plain.key()).value();
}

TEST(diagnosis_path, says_why_a_root_is_no_authority) {
  const auto bare = unfit_root([](X509* x509) { set_extension(x509, NID_basic_constraints, ""); });
  const auto error = refused(bare.issue(localhost).value(), bare.certificate());
  EXPECT_EQ(error.detail,
            "\"CN=Unfit\", which the test store holds, is not an authority (it has no basicConstraints), but issued "
            "\"CN=localhost\"");
  const auto mute = unfit_root([](X509* x509) { set_extension(x509, NID_key_usage, "digitalSignature"); });
  EXPECT_NE(refused(mute.issue(localhost).value(), mute.certificate()).detail.find("its keyUsage lacks keyCertSign"),
            std::string::npos);
}

TEST(diagnosis_path, names_the_critical_extension_and_its_certificate) {
  const auto odd = unfit_root([](X509* x509) { add_unknown(x509, "1.2.3.4", true); });
  const auto error = refused(odd.issue(localhost).value(), odd.certificate());
  EXPECT_EQ(error.code, errc::certificate_malformed);
  EXPECT_EQ(error.detail,
            "\"CN=Unfit\", which the test store holds, has the critical extension 1.2.3.4, which is not "
            "understood");
  EXPECT_EQ(error.certificate, "CN=Unfit");
}

TEST(diagnosis_path, names_the_malformed_certificate) {
  const auto twice =
      changed(root(), localhost, {.to = [](X509* x509) { add_twice(x509, NID_ext_key_usage); }, .sign = {}});
  const auto error = refused(twice, root().certificate());
  EXPECT_EQ(error.code, errc::certificate_malformed) << error.message();
  EXPECT_EQ(error.detail, "\"CN=localhost\" is malformed: its extension 2.5.29.37 comes twice");
}

TEST(diagnosis_path, blames_the_anchor_that_has_expired) {
  const auto old = unfit_root([](X509* x509) {
    set_from(x509, "200101000000Z");
    set_until(x509, "220101000000Z");
  });
  const auto error = refused(old.issue(localhost).value(), old.certificate());
  EXPECT_EQ(error.code, errc::expired);
  EXPECT_EQ(error.certificate, "CN=Unfit");
  EXPECT_NE(error.detail.find("\"CN=Unfit\", which the test store holds, expired "), std::string::npos) << error.detail;
  EXPECT_EQ(error.remedy, "renew the trust: it is the authority that has expired, not the peer's certificate");
}

TEST(diagnosis_path, tells_self_issued_from_self_signed) {
  const auto stranger = testkit::authority::make_root("localhost").value();
  const auto site = stranger.issue(localhost).value();
  const auto error = refused(site, root().certificate());
  EXPECT_EQ(error.code, errc::untrusted) << error.message();
  EXPECT_NE(error.detail.find("has its own name as its issuer's, but another key signed it"), std::string::npos)
      << error.detail;
}

TEST(diagnosis_path, sees_a_circle) {
  const auto one = testkit::authority::make_root("One").value();
  const auto two = one.make_intermediate("Two").value();
  // One's name and key, issued by Two.
  const auto one_by_two = changed(two, {.common_name = "One", .is_authority = true},
                                  {.to =
                                       [&](X509* x509) {
                                         X509_set_pubkey(x509, one.signer().get());
                                         set_extension(x509, NID_subject_key_identifier, "hash");
                                       },
                                   .sign = {}});
  const auto site = two.issue(localhost).value();
  const auto chain = site.certificate + two.certificate() + one_by_two.certificate;
  const auto error = refused(chain, site.key, root().certificate());
  EXPECT_EQ(error.code, errc::untrusted);
  EXPECT_EQ(error.detail,
            "the chain goes in a circle, and no authority is at its end: \"CN=localhost\", issued by "
            "\"CN=Two\", issued by \"CN=One\", issued by \"CN=Two\"");
}

TEST(diagnosis_path, says_which_usage_was_found_and_which_is_wanted) {
  auto options = localhost;
  options.extended_key_usage = "clientAuth";
  const auto error = refused(root().issue(options).value(), root().certificate());
  EXPECT_EQ(error.code, errc::wrong_purpose);
  EXPECT_EQ(error.detail, "\"CN=localhost\": its extended key usage is clientAuth, and serverAuth is needed");
  EXPECT_EQ(error.remedy, "have one issued with the extended key usage serverAuth");
}

TEST(chain_length, is_100_certificates_by_default) {
  const auto site = root().issue(localhost).value();
  auto chain = site.chain;
  for (int i = 0; i < 9; ++i)
    chain += testkit::authority::make_root("Unrelated " + std::to_string(i)).value().certificate();
  const auto met = [&](std::uint16_t most) {
    server_options server;
    server.identities = {identity::from_pem(chain, site.key).value()};
    pair p(client_context({.max_chain = most}), server_context(server));
    p.handshake();
    return p.client.last_failure();
  };
  EXPECT_FALSE(met(100).code);
  EXPECT_FALSE(met(10).code);
  EXPECT_EQ(met(9).code, errc::chain_too_long);
  EXPECT_EQ(met(9).detail, "10 certificates were sent, and 9 are allowed");
  EXPECT_EQ(context::client({.trust = trust_root(), .max_chain = 0}).error().code, errc::invalid_argument);
}

// s2n's own limit, which is not the peer's breach of a rule: in the clear and sealed.
TEST(chain_length, in_bytes_has_a_limit_that_is_reported) {
  auto large = localhost;
  for (int i = 0; i < 2600; ++i) large.names.push_back("a-rather-long-name-" + std::to_string(10000 + i) + ".test");
  const auto made = root().issue(large).value();
  for (const auto version : {tls_version::tls1_2, tls_version::tls1_3}) {
    server_options server{.versions = {version, version}};
    server.identities = {identity::from_pem(made.chain, made.key).value()};
    pair p(client_context(), server_context(server));
    EXPECT_FALSE(p.handshake());
    const auto& error = p.client.last_failure();
    EXPECT_EQ(error.code, errc::chain_too_long) << error.message();
    EXPECT_TRUE(error.detail.starts_with("its Certificate message has ")) << error.detail;
    EXPECT_TRUE(error.detail.ends_with(" bytes, and 65536 are the most that are taken")) << error.detail;
    EXPECT_EQ(error.from, origin::local);
  }
}

TEST(anchors, with_an_extension_twice_are_refused_where_they_were_named) {
  const auto odd = unfit_root([](X509* x509) { add_twice(x509, NID_key_usage); });
  const auto made = context::client({.trust = trust::from_pem(odd.certificate(), "ca.pem").value()});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::certificate_malformed);
  EXPECT_EQ(made.error().where, "ca.pem: \"CN=Unfit\"");
  EXPECT_EQ(made.error().detail, "its extension 2.5.29.15 comes twice");
}

}  // namespace
}  // namespace sluice::test
