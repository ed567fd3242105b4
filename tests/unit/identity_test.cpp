// SPDX-License-Identifier: Apache-2.0
// Identities from PEM: every shape they come in, and every way they can be wrong, by the exact place.
#include "support/flavour.hpp"

#include <openssl/dsa.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>

namespace sluice::test {
namespace {

std::string text_of(BIO* bio) {
  const uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

// The key of a site as PKCS#1 or SEC 1, encrypted when a password is given.
std::string traditional(const std::string& type, const char* password = nullptr) {
  const auto key = testkit::local_key::from_pem(site(type).key).value();
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = password ? EVP_aes_128_cbc() : nullptr;
  const auto size = password ? static_cast<int>(std::string(password).size()) : 0;
  auto* secret = reinterpret_cast<uint8_t*>(const_cast<char*>(password));
  if (auto* rsa = EVP_PKEY_get0_RSA(key.get())) {
    PEM_write_bio_RSAPrivateKey(bio.get(), rsa, cipher, secret, size, nullptr, nullptr);
  } else {
    PEM_write_bio_ECPrivateKey(bio.get(), EVP_PKEY_get0_EC_KEY(key.get()), cipher, secret, size, nullptr, nullptr);
  }
  return text_of(bio.get());
}

std::string encrypted_pkcs8(const std::string& type) {
  const auto key = testkit::local_key::from_pem(site(type).key).value();
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  char password[] = "secret";
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_128_cbc(), password, 6, nullptr, nullptr);
  return text_of(bio.get());
}

std::string with_crlf(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += 2) text.replace(at, 1, "\r\n");
  return text;
}

void expect_works(const std::string& chain, const std::string& key, const std::string& what) {
  const auto id = identity::from_pem(chain, key);
  ASSERT_TRUE(id) << what << ": " << id.error().message();
  EXPECT_EQ(id->key(), nullptr);
  pair p(client_context(), server_context({.identities = {*id}}));
  EXPECT_TRUE(p.handshake()) << what << '\n' << why(p);
}

void expect_refused(const std::string& chain, const std::string& key, errc cause, const std::string& where,
                    const std::string& detail) {
  const auto id = identity::from_pem(chain, key);
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, make_error_code(cause)) << id.error().message();
  EXPECT_EQ(id.error().where, where);
  EXPECT_EQ(id.error().detail, detail);
  EXPECT_EQ(id.error().category(), "config");
  EXPECT_EQ(id.error().at, phase::setup);
}

constexpr auto memory_chain = "certificate chain in memory";
constexpr auto memory_key = "private key in memory";

TEST(identity, takes_keys_of_every_supported_kind_and_form) {
  for (const auto* type : {"rsa2048", "rsa3072", "ec256", "ec384", "ec521"}) {
    expect_works(site(type).chain, site(type).key, std::string(type) + " in PKCS#8");
    expect_works(site(type).chain, traditional(type), std::string(type) + " in its traditional form");
  }
}

TEST(identity, takes_pem_with_text_around_it_and_any_line_end) {
  const auto& s = site();
  const auto chain = "subject=CN = localhost\nsee -----BEGIN in the manual\n\n" + s.certificate + "\n# the root\n" +
                     root().certificate() + "bye\n";
  expect_works(chain, "Bag Attributes\n  friendlyName: x\n" + s.key + "\n\n", "comments");
  expect_works(with_crlf(chain), with_crlf(s.key), "CRLF");
  expect_works(s.chain.substr(0, s.chain.size() - 1), s.key.substr(0, s.key.size() - 1), "no line end at the end");
}

TEST(identity, takes_an_ec_key_with_its_parameters_before_it) {
  const std::string parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  expect_works(site().chain, parameters + traditional("ec256"), "EC PARAMETERS");
}

TEST(identity, takes_chain_and_key_from_one_text) {
  const auto both = site().key + site().chain;
  expect_works(both, both, "one text");
}

TEST(identity, presents_its_chain_in_order) {
  const auto middle = root().make_intermediate("Middle").value();
  const auto made = middle.issue({.common_name = "localhost", .names = {"localhost"}}).value();
  const auto id = identity::from_pem(made.chain, made.key).value();
  ASSERT_EQ(id.chain().size(), 2u);
  EXPECT_EQ(id.leaf().subject(), "CN=localhost");
  EXPECT_EQ(id.chain()[1].subject(), "CN=Middle");
}

TEST(identity, with_a_broken_chain_loads_nothing_and_names_the_certificate) {
  const auto& s = site();
  auto broken = root().certificate();
  broken[broken.find("MII") + 20] = '*';
  expect_refused(s.certificate + root().certificate() + broken, s.key, errc::bad_pem,
                 std::string(memory_chain) + ": certificate 3 of 3",
                 "the text between BEGIN and END cannot be decoded");
  auto cut = root().certificate();
  cut.resize(cut.find("-----END") - 10);
  expect_refused(s.certificate + cut, s.key, errc::bad_pem, std::string(memory_chain) + ": certificate 2 of 2",
                 "the text between BEGIN and END cannot be decoded");
  expect_refused(s.certificate + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", s.key, errc::bad_pem,
                 std::string(memory_chain) + ": certificate 2 of 2", "not an X.509 certificate in DER");
}

TEST(identity, without_a_certificate_or_a_key_says_which) {
  const auto& s = site();
  for (const auto& text : {std::string(), std::string("hello\n"), s.key}) {
    expect_refused(text, s.key, errc::no_certificate, memory_chain, "no CERTIFICATE object in it");
  }
  for (const auto& text : {std::string(), std::string("hello\n"), s.chain}) {
    expect_refused(s.chain, text, errc::no_private_key, memory_key, "no PRIVATE KEY object in it");
  }
}

TEST(identity, with_a_broken_key_is_bad_pem) {
  const auto& s = site();
  auto broken = s.key;
  broken[broken.find('\n') + 5] = '*';
  expect_refused(s.chain, broken, errc::bad_pem, std::string(memory_key) + ": object 1 of 1",
                 "the text between BEGIN and END cannot be decoded");
  expect_refused(s.chain, "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", errc::bad_pem, memory_key,
                 "the PRIVATE KEY object is not a private key in DER");
}

TEST(identity, with_a_key_of_another_certificate_is_a_mismatch) {
  const auto detail = "the certificate is for \"CN=localhost\" (ECDSA P-256)";
  expect_refused(site().chain, device().key, errc::key_mismatch, memory_key, detail);
  expect_refused(site().chain, site("ec384").key, errc::key_mismatch, memory_key, detail);
  expect_refused(site().chain, site("rsa2048").key, errc::key_mismatch, memory_key, detail);
}

TEST(identity, with_an_encrypted_key_needs_a_password) {
  for (const auto* type : {"ec256", "rsa2048"}) {
    expect_refused(site(type).chain, encrypted_pkcs8(type), errc::password_needed, memory_key, "the key is encrypted");
    expect_refused(site(type).chain, traditional(type, "secret"), errc::password_needed, memory_key,
                   "the key is encrypted");
  }
}

TEST(identity, with_a_key_s2n_cannot_use_is_unsupported) {
  const auto ed25519 = root().issue({.common_name = "x", .names = {"localhost"}}, "ed25519").value();
  expect_refused(ed25519.chain, ed25519.key, errc::unsupported_key, memory_key, "the certificate's key is Ed25519");
}

// Parsed, and told what it is: DSA went with TLS 1.2 (RFC 8446 §1.2).
TEST(identity, with_a_dsa_key_is_unsupported_and_says_so) {
  const bssl::UniquePtr<DSA> dsa(DSA_new());
  ASSERT_EQ(DSA_generate_parameters_ex(dsa.get(), 1024, nullptr, 0, nullptr, nullptr, nullptr), 1);
  ASSERT_EQ(DSA_generate_key(dsa.get()), 1);
  const bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  ASSERT_EQ(EVP_PKEY_set1_DSA(key.get(), dsa.get()), 1);
  const bssl::UniquePtr<BIO> old(BIO_new(BIO_s_mem())), modern(BIO_new(BIO_s_mem())), half(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_DSAPrivateKey(old.get(), dsa.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(modern.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  for (const auto* bio : {&old, &modern}) {
    expect_refused(site().chain, text_of(bio->get()), errc::unsupported_key, memory_key, "the key is DSA 1024");
  }
  ASSERT_EQ(PEM_write_bio_DSA_PUBKEY(half.get(), dsa.get()), 1);
  expect_refused(site().chain, text_of(half.get()), errc::no_private_key, memory_key, "no PRIVATE KEY object in it");
}

// Without the private half s2n fails before it asks for a signature, so it is refused here.
TEST(identity, with_ml_dsa_is_unsupported) {
  const bssl::UniquePtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new_id(EVP_PKEY_PQDSA, nullptr));
  EVP_PKEY* raw = nullptr;
  ASSERT_EQ(EVP_PKEY_CTX_pqdsa_set_params(ctx.get(), NID_MLDSA65), 1);
  ASSERT_EQ(EVP_PKEY_keygen_init(ctx.get()), 1);
  ASSERT_EQ(EVP_PKEY_keygen(ctx.get(), &raw), 1);
  const bssl::UniquePtr<EVP_PKEY> key(raw);
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  ASSERT_GT(size, 0);
  const auto made = root()
                        .issue_for(std::as_bytes(std::span(der, static_cast<std::size_t>(size))),
                                   {.common_name = "x", .names = {"localhost"}})
                        .value();
  OPENSSL_free(der);
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  expect_refused(made.chain, text_of(bio.get()), errc::unsupported_key, memory_key, "the certificate's key is ML-DSA");
}

struct identity_files : ::testing::Test {
  failure refusal(const std::string& chain, const std::string& key) {
    const auto made = identity::from_pem_files(chain, key);
    EXPECT_FALSE(made);
    return made ? failure() : made.error();
  }
  testkit::scratch_folder home;
  const std::string chain = home.write("site.pem", site().chain);
  const std::string key = home.write("site.key", site().key);
  const std::string absent = (home.path() / "absent.pem").string();
  const std::string folder = home.path().string();
};

TEST_F(identity_files, are_read) {
  const auto made = identity::from_pem_files(chain, key);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->leaf().subject(), "CN=localhost");
}

TEST_F(identity_files, that_are_absent_are_named) {
  EXPECT_EQ(refusal(absent, key).code, make_error_code(errc::file_not_found));
  EXPECT_EQ(refusal(absent, key).where, absent);
  EXPECT_EQ(refusal(chain, absent).code, make_error_code(errc::file_not_found));
  EXPECT_EQ(refusal(chain, absent).where, absent);
  EXPECT_EQ(refusal(chain + "/x", key).code, make_error_code(errc::file_not_found));
}

TEST_F(identity_files, that_cannot_be_read_are_named_with_the_reason) {
  EXPECT_EQ(refusal(folder, key).code, make_error_code(errc::file_unreadable));
  EXPECT_EQ(refusal(folder, key).where, folder);
  EXPECT_EQ(refusal(folder, key).detail, "Is a directory");
  EXPECT_EQ(refusal(chain, folder).code, make_error_code(errc::file_unreadable));
  EXPECT_EQ(refusal(chain, "/proc/self/mem").code, make_error_code(errc::file_unreadable));
  EXPECT_EQ(refusal(chain, "/proc/self/mem").detail, "Input/output error");
}

TEST_F(identity_files, that_are_wrong_are_named_with_the_object) {
  const auto broken =
      home.write("broken.pem", site().chain + "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(refusal(broken, key).where, broken + ": certificate 2 of 2");
  EXPECT_EQ(refusal(chain, chain).where, chain);
  EXPECT_EQ(refusal(chain, chain).code, make_error_code(errc::no_private_key));
}

TEST_F(identity_files, too_large_to_be_meant_are_refused) {
  EXPECT_EQ(refusal("/dev/zero", key).code, make_error_code(errc::file_unreadable));
  EXPECT_EQ(refusal("/dev/zero", key).detail, "File too large");
}

}  // namespace
}  // namespace sluice::test
