// SPDX-License-Identifier: Apache-2.0
// Signatures and decryption that are right, by the token's own C_Verify and by the certificate.
#include "signing.hpp"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>

namespace sluice::pkcs11 {
namespace {

using test::request_for;

// r‖s, as C_Verify wants it, of a DER signature.
der::bytes raw_halves(der::view signature, std::size_t half) {
  der::bytes raw;
  const bool is_long = signature[1] == std::byte{0x81};
  for (std::size_t at = is_long ? 3 : 2; at < signature.size();) {  // 30 LEN 02 LEN … 02 LEN …
    auto number = signature.subspan(at + 2, std::to_integer<std::size_t>(signature[at + 1]));
    at += 2 + number.size();
    if (number.size() > half) number = number.last(half);
    raw.insert(raw.end(), half - number.size(), std::byte{0});
    raw.insert(raw.end(), number.begin(), number.end());
  }
  return raw;
}

TEST_F(signing, rsa_verifies_against_the_certificate_with_every_digest_and_padding) {
  const auto k = open("rsa2048");
  const auto cert = cert_for(*k);
  for (const auto scheme : rsa_schemes) {
    const auto request = request_for(scheme);
    const auto signature = k->sign(request);
    ASSERT_TRUE(signature) << to_string(scheme) << signature.error().message();
    EXPECT_EQ(signature->size(), 256u);
    EXPECT_TRUE(internal::verifies(cert, scheme, request.digest(), *signature)) << to_string(scheme);
  }
}

TEST_F(signing, rsa_verifies_by_c_verify) {
  const auto k = open("rsa2048");
  for (const auto scheme : rsa_schemes) {
    if (kind_of(scheme) != signature_kind::rsa_pkcs1) continue;
    const auto request = request_for(scheme);
    const auto info = der::digest_info(digest_of(scheme), request.digest());
    EXPECT_EQ(c_verify("rsa2048", {CKM_RSA_PKCS, nullptr, 0}, info, k->sign(request).value()), CKR_OK)
        << to_string(scheme);
  }
}

TEST_F(signing, rsa_pss_verifies_by_c_verify) {
  const auto k = open("rsa2048");
  const std::tuple<signature_scheme, CK_MECHANISM_TYPE, CK_RSA_PKCS_MGF_TYPE> kinds[] = {
      {signature_scheme::rsa_pss_rsae_sha256, CKM_SHA256, CKG_MGF1_SHA256},
      {signature_scheme::rsa_pss_rsae_sha384, CKM_SHA384, CKG_MGF1_SHA384},
      {signature_scheme::rsa_pss_rsae_sha512, CKM_SHA512, CKG_MGF1_SHA512}};
  for (const auto& [scheme, hash, mgf] : kinds) {
    const auto request = request_for(scheme);
    CK_RSA_PKCS_PSS_PARAMS parameters{hash, mgf, request.input_size};
    const CK_MECHANISM mechanism{CKM_RSA_PKCS_PSS, &parameters, sizeof parameters};
    EXPECT_EQ(c_verify("rsa2048", mechanism, request.digest(), k->sign(request).value()), CKR_OK) << to_string(scheme);
  }
}

TEST_F(signing, ecdsa_is_der_that_verifies_against_the_certificate) {
  for (const auto& curve : curves) {
    const auto k = open(curve.label);
    const auto request = request_for(curve.scheme);
    const auto signature = k->sign(request).value();
    EXPECT_EQ(signature.front(), std::byte{0x30});
    EXPECT_TRUE(internal::verifies(cert_for(*k), curve.scheme, request.digest(), signature)) << curve.label;
  }
}

TEST_F(signing, ecdsa_verifies_by_c_verify_once_its_halves_are_raw_again) {
  for (const auto& curve : curves) {
    const auto request = request_for(curve.scheme);
    const auto raw = raw_halves(open(curve.label)->sign(request).value(), curve.half);
    EXPECT_EQ(c_verify(curve.label, {CKM_ECDSA, nullptr, 0}, request.digest(), raw), CKR_OK) << curve.label;
  }
}

// TLS 1.2 names the hash and leaves the curve to the key: a P-256 key may be asked for SHA-512.
TEST_F(signing, ecdsa_takes_a_digest_that_is_longer_than_the_order_of_the_curve) {
  const std::pair<const char*, signature_scheme> cases[] = {{"ec256", signature_scheme::ecdsa_secp384r1_sha384},
                                                            {"ec256", signature_scheme::ecdsa_secp521r1_sha512},
                                                            {"ec384", signature_scheme::ecdsa_secp521r1_sha512}};
  const auto half_of = [](const std::string& label) {
    return std::ranges::find_if(curves, [&](const curve_case& c) { return c.label == label; })->half;
  };
  for (const auto& [label, scheme] : cases) {
    const auto k = open(label);
    const auto request = request_for(scheme);
    const auto signature = k->sign(request).value();
    EXPECT_TRUE(internal::verifies(cert_for(*k), scheme, request.digest(), signature)) << label << to_string(scheme);
    const auto leftmost = request.digest().first(half_of(label));
    EXPECT_EQ(c_verify(label, {CKM_ECDSA, nullptr, 0}, leftmost, raw_halves(signature, half_of(label))), CKR_OK);
  }
}

// SoftHSM cuts what is too long by itself; others answer CKR_DATA_LEN_RANGE.
TEST_F(signing, gives_a_token_that_refuses_long_digests_no_more_than_the_curve_takes) {
  for (const bool has_public_objects : {true, false}) {
    const test::faulty_token faulty;
    faulty.generate("site");
    const auto cert = cert_for(*faulty.open("site"));
    const std::string limits = "[token]\nlongest_input = 32\n";
    faulty.script(limits + (has_public_objects ? "" : "has_no_public_objects = true"));
    const auto k = faulty.open("site");
    for (const auto scheme : {signature_scheme::ecdsa_sha1, signature_scheme::ecdsa_secp256r1_sha256,
                              signature_scheme::ecdsa_secp384r1_sha384, signature_scheme::ecdsa_secp521r1_sha512}) {
      const auto request = request_for(scheme);
      const auto signature = k->sign(request);
      ASSERT_TRUE(signature) << to_string(scheme) << ": " << signature.error().message();
      EXPECT_TRUE(internal::verifies(cert, scheme, request.digest(), *signature)) << to_string(scheme);
    }
  }
}

TEST_F(signing, makes_one_c_sign_call_and_a_second_only_when_the_buffer_was_too_small) {
  const test::faulty_token faulty;
  faulty.generate("site");
  const auto k = faulty.open("site");
  const auto request = request_for(signature_scheme::ecdsa_secp256r1_sha256);
  // A second C_Sign of the same signature would fail the test here …
  faulty.script("[[answer]]\nfunction = \"C_Sign\"\nnth = 2\nvalue = \"CKR_FUNCTION_FAILED\"");
  EXPECT_TRUE(k->sign(request));
  // … and is what saves it here.
  faulty.script("[[answer]]\nfunction = \"C_Sign\"\nnth = 1\nvalue = \"CKR_BUFFER_TOO_SMALL\"");
  EXPECT_TRUE(k->sign(request));
}

TEST_F(signing, decrypts_what_was_encrypted_for_the_key) {
  const auto k = open("rsa2048");
  const auto spki = *k->public_key();
  const auto* at = reinterpret_cast<const uint8_t*>(spki.data());
  const bssl::UniquePtr<EVP_PKEY> pub(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  std::array<std::byte, 256> sealed;
  std::size_t size = 0;
  const std::string text = "forty-eight bytes of premaster, more or less";
  ASSERT_EQ(RSA_encrypt(EVP_PKEY_get0_RSA(pub.get()), &size, reinterpret_cast<uint8_t*>(sealed.data()), sealed.size(),
                        reinterpret_cast<const uint8_t*>(text.data()), text.size(), RSA_PKCS1_PADDING),
            1);
  EXPECT_EQ(k->decrypt(sealed).value().view(), text);
}

}  // namespace
}  // namespace sluice::pkcs11
