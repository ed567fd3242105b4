// SPDX-License-Identifier: Apache-2.0
// Identities from DER, PKCS#12 and what is encrypted: each form makes a handshake, each fault has its own error.
#include "support/flavour.hpp"
#include "support/forms.hpp"

#include <openssl/ec_key.h>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

constexpr auto chain_place = "certificate chain in memory";
constexpr auto key_place = "private key in memory";
constexpr auto both_place = "chain and key in memory";

const char* const key_types[] = {"rsa2048", "ec256", "ec384", "ec521"};

password_source password(const char* text) { return password_from(secret(std::string_view(text))); }

// Remembers what it was asked for.
struct listening_source {
  std::vector<std::string> asked;
  password_source source() {
    return [this](const password_request& request) -> result<secret> {
      asked.push_back(request.where);
      return secret(std::string_view("right"));
    };
  }
};

void expect_works(const result<identity>& id, const std::string& what) {
  ASSERT_TRUE(id) << what << ": " << id.error().message();
  EXPECT_EQ(id->key(), nullptr);
  pair p(client_context(), server_context({.identities = {*id}}));
  EXPECT_TRUE(p.handshake()) << what << '\n' << why(p);
}

void expect_refused(const result<identity>& id, errc cause, const std::string& where, const std::string& detail) {
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, make_error_code(cause)) << id.error().message();
  EXPECT_EQ(id.error().where, where);
  EXPECT_EQ(id.error().detail, detail);
  EXPECT_EQ(id.error().category(), "config");
}

constexpr auto wrong_detail = "it does not open the key, or the file is damaged";

TEST(identity_forms, der_keys_and_certificates_make_a_handshake) {
  for (const std::string type : key_types) {
    const auto& s = site(type);
    const auto chain = der_of(s.certificate);
    expect_works(identity::from_memory(chain, pkcs8_der(s.key)), type + " PKCS#8");
    expect_works(identity::from_memory(chain, traditional_der(s.key)), type + " PKCS#1 or SEC 1");
    expect_works(identity::from_memory(s.chain, traditional_der(s.key)), type + " with a chain in PEM");
    expect_works(identity::from_memory(chain, s.key), type + " with a key in PEM");
  }
}

// RFC 5915 §3: the public half is optional, and `openssl ec -no_public` leaves it out.
TEST(identity_forms, ec_keys_without_their_public_half_make_a_handshake) {
  for (const std::string type : {"ec256", "ec384", "ec521"}) {
    const auto& s = site(type);
    const auto key = testkit::local_key::from_pem(s.key).value();
    auto* ec = EVP_PKEY_get0_EC_KEY(key.get());
    EC_KEY_set_enc_flags(ec, EC_PKEY_NO_PUBKEY);
    const auto der = traditional_der(key.get());
    EXPECT_LT(der.size(), traditional_der(s.key).size());
    expect_works(identity::from_memory(s.chain, der), type + " DER");
    expect_works(identity::from_pem(s.chain, traditional_pem(key.get())), type + " PEM");
    expect_works(identity::from_pem(s.chain, traditional_pem(key.get(), "right"), password("right")),
                 type + " encrypted");
    expect_works(identity::from_memory(s.chain, encrypted_pkcs8_der(key.get(), "right"), password("right")),
                 type + " PKCS#8, encrypted");
  }
}

TEST(identity_forms, encrypted_keys_make_a_handshake_with_their_password) {
  for (const std::string type : key_types) {
    const auto& s = site(type);
    expect_works(identity::from_pem(s.chain, encrypted_pkcs8_pem(s.key, "right"), password("right")), type + " PKCS#8");
    expect_works(identity::from_memory(s.chain, encrypted_pkcs8_der(s.key, "right"), password("right")), type + " DER");
    for (const auto* cipher : {EVP_aes_128_cbc(), EVP_aes_192_cbc(), EVP_aes_256_cbc(), EVP_des_ede3_cbc()}) {
      expect_works(identity::from_pem(s.chain, encrypted_traditional_pem(s.key, "right", cipher), password("right")),
                   type + " traditional");
    }
  }
}

TEST(identity_forms, a_wrong_password_is_an_error_of_its_own) {
  for (const std::string type : key_types) {
    const auto& s = site(type);
    for (const auto& key : {encrypted_pkcs8_pem(s.key, "right"), encrypted_pkcs8_der(s.key, "right")}) {
      expect_refused(identity::from_memory(s.chain, key, password("wrong")), errc::wrong_password, key_place,
                     wrong_detail);
    }
  }
  // One in 256 wrong passwords leaves a padding that looks right.
  const auto key = encrypted_traditional_pem(site().key, "right");
  for (int i = 0; i < 1000; ++i) {
    const auto id = identity::from_pem(site().chain, key, password(("wrong" + std::to_string(i)).c_str()));
    ASSERT_FALSE(id);
    ASSERT_EQ(id.error().code, make_error_code(errc::wrong_password)) << id.error().message();
  }
  EXPECT_EQ(identity::from_pem(site().chain, key, password("wrong")).error().remedy,
            "give the password it was encrypted with");
}

TEST(identity_forms, a_password_is_right_whole_or_not_at_all) {
  const std::string long_one(1024, 'x');
  const auto& s = site();
  expect_works(identity::from_pem(s.chain, encrypted_traditional_pem(s.key, long_one), password(long_one.c_str())), "");
  for (const std::string& other : {long_one + "x", std::string(1023, 'x'), std::string("right\0more", 10)}) {
    const auto source = password_from(secret(std::string_view(other)));
    for (const auto& word : {long_one, std::string("right")}) {
      EXPECT_EQ(identity::from_pem(s.chain, encrypted_traditional_pem(s.key, word), source).error().code,
                make_error_code(errc::wrong_password));
      EXPECT_EQ(identity::from_pem(s.chain, encrypted_pkcs8_pem(s.key, word), source).error().code,
                make_error_code(errc::wrong_password));
      const auto bag = pkcs12_of({s.certificate}, s.key, word);
      EXPECT_EQ(identity::from_memory(bag, bag, source).error().code, make_error_code(errc::wrong_password));
    }
  }
}

TEST(identity_forms, without_a_password_says_so_and_what_to_do) {
  const auto& s = site();
  for (const auto& source : {password_source(), password("")}) {
    for (const auto& key : {encrypted_pkcs8_pem(s.key, "right"), encrypted_pkcs8_der(s.key, "right"),
                            encrypted_traditional_pem(s.key, "right")}) {
      const auto id = identity::from_memory(s.chain, key, source);
      expect_refused(id, errc::password_needed, key_place, "the key is encrypted");
      EXPECT_EQ(id.error().remedy, "give its password, or an unencrypted copy (`openssl pkey` writes one)");
    }
    const auto bag = pkcs12_of({s.certificate}, s.key, "right");
    expect_refused(identity::from_memory(bag, bag, source), errc::password_needed, both_place, "it is encrypted");
  }
}

TEST(identity_forms, pkcs12_makes_a_handshake) {
  for (const std::string type : key_types) {
    const auto& s = site(type);
    const auto bag = pkcs12_of({s.certificate}, s.key, "right");
    expect_works(identity::from_memory(bag, bag, password("right")), type);
    expect_works(identity::from_memory(s.chain, bag, password("right")), type + " for the key alone");
    expect_works(identity::from_memory(bag, s.key, password("right")), type + " for the chain alone");
  }
  const auto open = pkcs12_of({site().certificate}, site().key, "");
  expect_works(identity::from_memory(open, open), "the empty password, unasked");
  expect_works(identity::from_memory(open, open, password("")), "the empty password");
}

TEST(identity_forms, pkcs12_presents_its_chain_in_order_and_nothing_else) {
  const auto middle = root().make_intermediate("Middle").value();
  const auto low = middle.make_intermediate("Low").value();
  const auto made = low.issue({.common_name = "localhost", .names = {"localhost"}}).value();
  const auto other = testkit::authority::make_root("Other Root").value();
  const auto bag =
      pkcs12_of({middle.certificate(), other.certificate(), made.certificate, root().certificate(), low.certificate()},
                made.key, "right");
  const auto id = identity::from_memory(bag, bag, password("right"));
  ASSERT_TRUE(id) << id.error().message();
  std::vector<std::string> subjects;
  for (const auto& one : id->chain()) subjects.push_back(one.subject());
  EXPECT_EQ(subjects, (std::vector<std::string>{"CN=localhost", "CN=Low", "CN=Middle", "CN=Test Root"}));
  expect_works(id, "three levels");
}

TEST(identity_forms, pkcs12_that_cannot_be_opened_says_why) {
  const auto& s = site();
  const auto bag = pkcs12_of({s.certificate}, s.key, "right");
  expect_refused(identity::from_memory(bag, bag, password("wrong")), errc::wrong_password, both_place,
                 "it cannot be opened with this password");
  auto cut = bag;
  cut.resize(cut.size() - 20);
  expect_refused(identity::from_memory(cut, cut, password("right")), errc::bad_der, both_place,
                 "it is not a certificate, or it is damaged");
  const auto empty = pkcs12_of({}, s.key, "right");
  expect_refused(identity::from_memory(empty, empty, password("right")), errc::no_certificate, both_place,
                 "no certificate in it");
  const auto keyless = pkcs12_of({s.certificate}, "", "right");
  expect_refused(identity::from_memory(keyless, keyless, password("right")), errc::no_private_key, both_place,
                 "the PKCS#12 file holds certificates only");
  const auto unlike = pkcs12_of({s.certificate}, device().key, "right");
  expect_refused(identity::from_memory(unlike, unlike, password("right")), errc::key_mismatch, both_place,
                 "the certificate is for \"CN=localhost\" (ECDSA P-256)");
}

TEST(identity_forms, der_that_is_something_else_or_damaged_says_so) {
  const auto& s = site();
  const auto certificate = der_of(s.certificate), key = pkcs8_der(s.key);
  expect_refused(identity::from_memory(key, key), errc::no_certificate, both_place, "it is a private key in DER");
  expect_refused(identity::from_memory(certificate, certificate), errc::no_private_key, both_place,
                 "it is a certificate in DER");
  for (const std::size_t size : {1u, 2u, 10u, 40u}) {
    expect_refused(identity::from_memory(certificate.substr(0, size), key), errc::bad_der, chain_place,
                   "it is not a certificate, or it is damaged");
    expect_refused(identity::from_memory(certificate, key.substr(0, size)), errc::bad_der, key_place,
                   "it is not a private key, or it is damaged");
  }
  expect_refused(identity::from_memory(certificate + '\0', key), errc::bad_der, chain_place,
                 "it is not a certificate, or it is damaged");
  auto broken = key;
  broken[broken.size() / 2] ^= 1;  // a point that is not on the curve, or another key
  EXPECT_FALSE(identity::from_memory(certificate, broken));
  expect_refused(identity::from_memory(certificate, pkcs8_der(device().key)), errc::key_mismatch, key_place,
                 "the certificate is for \"CN=localhost\" (ECDSA P-256)");
}

TEST(identity_forms, pem_alone_is_taken_where_it_is_asked_for) {
  const auto& s = site();
  expect_refused(identity::from_pem(der_of(s.certificate), s.key), errc::no_certificate, chain_place,
                 "no CERTIFICATE object in it");
  expect_refused(identity::from_pem(s.chain, pkcs8_der(s.key)), errc::no_private_key, key_place,
                 "no PRIVATE KEY object in it");
}

TEST(identity_forms, a_text_that_begins_like_der_is_still_a_text) {
  expect_works(identity::from_memory("0 is what this comment begins with\n" + site().chain, site().key), "a comment");
}

TEST(identity_forms, the_encryption_that_is_not_known_is_named_as_the_reason) {
  auto key = encrypted_traditional_pem(site().key, "right");
  key.replace(key.find("AES-256-CBC"), 11, "CAMELLIA-256-CBC");
  expect_refused(identity::from_pem(site().chain, key, password("right")), errc::unsupported_key, key_place,
                 "it is encrypted in a way that AWS-LC does not know");
  auto der = encrypted_pkcs8_der(site().key, "right");
  const std::string pbes2("\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d", 9);
  der[der.find(pbes2) + 8] = 0x63;
  expect_refused(identity::from_memory(site().chain, der, password("right")), errc::unsupported_key, key_place,
                 "it is encrypted in a way that AWS-LC does not know");
}

TEST(identity_forms, a_password_is_asked_for_once_and_for_what_is_locked_only) {
  const auto& s = site();
  listening_source plain, locked, bag_alone, two;
  expect_works(identity::from_memory(s.chain, s.key, plain.source()), "plain");
  EXPECT_EQ(plain.asked, std::vector<std::string>{});
  expect_works(identity::from_memory(s.chain, encrypted_pkcs8_pem(s.key, "right"), locked.source()), "locked");
  EXPECT_EQ(locked.asked, std::vector<std::string>{key_place});
  const auto bag = pkcs12_of({s.certificate}, s.key, "right");
  expect_works(identity::from_memory(bag, bag, bag_alone.source()), "PKCS#12");
  EXPECT_EQ(bag_alone.asked, std::vector<std::string>{both_place});
  const auto copy = pkcs12_of({s.certificate}, s.key, "right");
  expect_works(identity::from_memory(bag, copy, two.source()), "two of them");
  EXPECT_EQ(two.asked, (std::vector<std::string>{chain_place, key_place}));
}

}  // namespace
}  // namespace sluice::test
