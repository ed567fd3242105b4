// SPDX-License-Identifier: Apache-2.0
// Signatures and decryption: right by the token's own C_Verify and by the certificate; wrong in every way they can be.
#include "support/faulty.hpp"

#include "core/key_match.hpp"
#include "kit/authority.hpp"
#include "pkcs11/session.hpp"
#include "pkcs11/tokens.hpp"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <gtest/gtest.h>

namespace sluice::pkcs11 {
namespace {

using test::request_for;

error_code ckr(CK_RV rv) { return {static_cast<int>(rv), pkcs11_category()}; }

constexpr std::array rsa_schemes = {
    signature_scheme::rsa_pkcs1_sha1,     signature_scheme::rsa_pkcs1_sha224,    signature_scheme::rsa_pkcs1_sha256,
    signature_scheme::rsa_pkcs1_sha384,   signature_scheme::rsa_pkcs1_sha512,    signature_scheme::rsa_pss_rsae_sha256,
    signature_scheme::rsa_pss_rsae_sha384, signature_scheme::rsa_pss_rsae_sha512, signature_scheme::rsa_pkcs1_md5_sha1};

// A token with one key of each kind, and a session of our own on it.
class signing : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto type : {key_type::rsa2048, key_type::ec256, key_type::ec384, key_type::ec521}) {
      const auto id = std::byte(static_cast<int>(type) + 1);
      token_->admin().value().generate_key(type, std::string(to_string(type)), {&id, 1}).value();
    }
    const auto place = find_token(*lib_, uri::parse(token_->uri("")).value()).value();
    ASSERT_EQ(s_.open(place.slot), CKR_OK);
    ASSERT_EQ(s_.login(CKU_USER, token_->pin()), CKR_OK);
  }

  std::shared_ptr<key> open(const std::string& label) { return open_key(token_->uri(label)).value(); }
  CK_OBJECT_HANDLE handle(const std::string& label, CK_OBJECT_CLASS type = CKO_PRIVATE_KEY) {
    std::vector<CK_OBJECT_HANDLE> found;
    EXPECT_EQ(s_.find({.type = type, .label = label}, 2, found), CKR_OK);
    return found.at(0);
  }
  certificate cert_for(const key& k) {
    const auto issued = root_.issue_for(*k.public_key(), {.common_name = "x"}).value();
    return certificate::from_pem(issued.certificate).value().front();
  }
  // The token's own opinion.
  CK_RV c_verify(const std::string& label, CK_MECHANISM_TYPE type, der::view data, der::view signature) {
    CK_MECHANISM mechanism{type, nullptr, 0};
    const auto rv = lib_->call(&CK_FUNCTION_LIST::C_VerifyInit, s_.handle(), &mechanism, handle(label, CKO_PUBLIC_KEY));
    if (rv != CKR_OK) return rv;
    const auto raw = [](der::view v) { return reinterpret_cast<unsigned char*>(const_cast<std::byte*>(v.data())); };
    return lib_->call(&CK_FUNCTION_LIST::C_Verify, s_.handle(), raw(data), CK_ULONG{data.size()}, raw(signature),
                      CK_ULONG{signature.size()});
  }

  const std::unique_ptr<kit::scratch_token> token_ = kit::scratch_token::make("signing").value();
  const std::shared_ptr<library> lib_ = library::load(token_->module_path(), {}).value();
  const kit::authority root_ = kit::authority::make_root("Root").value();
  session s_{*lib_};
};

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
    EXPECT_EQ(c_verify("rsa2048", CKM_RSA_PKCS, info, k->sign(request).value()), CKR_OK) << to_string(scheme);
  }
}

TEST_F(signing, ecdsa_is_der_that_verifies_against_the_certificate) {
  const std::pair<const char*, signature_scheme> cases[] = {{"ec256", signature_scheme::ecdsa_secp256r1_sha256},
                                                            {"ec384", signature_scheme::ecdsa_secp384r1_sha384},
                                                            {"ec521", signature_scheme::ecdsa_secp521r1_sha512}};
  for (const auto& [label, scheme] : cases) {
    const auto k = open(label);
    const auto request = request_for(scheme);
    const auto signature = k->sign(request).value();
    EXPECT_EQ(signature.front(), std::byte{0x30});
    EXPECT_TRUE(internal::verifies(cert_for(*k), scheme, request.digest(), signature)) << label;
  }
}

TEST_F(signing, ecdsa_verifies_by_c_verify_once_its_halves_are_raw_again) {
  const auto request = request_for(signature_scheme::ecdsa_secp256r1_sha256);
  const auto der = open("ec256")->sign(request).value();
  der::bytes raw;
  for (std::size_t at = 2; at < der.size();) {  // 30 LEN 02 LEN … 02 LEN …
    auto number = der::view(der).subspan(at + 2, std::to_integer<std::size_t>(der[at + 1]));
    at += 2 + number.size();
    if (number.size() > 32) number = number.last(32);
    raw.insert(raw.end(), 32 - number.size(), std::byte{0});
    raw.insert(raw.end(), number.begin(), number.end());
  }
  EXPECT_EQ(c_verify("ec256", CKM_ECDSA, request.digest(), raw), CKR_OK);
}

TEST_F(signing, with_the_wrong_kind_of_key_is_refused) {
  EXPECT_EQ(open("ec256")->sign(request_for(signature_scheme::rsa_pkcs1_sha256)).error().code,
            ckr(CKR_KEY_TYPE_INCONSISTENT));
  EXPECT_EQ(open("rsa2048")->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)).error().code,
            ckr(CKR_KEY_TYPE_INCONSISTENT));
  EXPECT_EQ(open("ec256")->sign(request_for(signature_scheme::rsa_pkcs1_sha256)).error().code,
            errc::key_type_unsupported);
}

TEST_F(signing, of_nothing_or_of_the_wrong_length_is_refused) {
  auto request = request_for(signature_scheme::ecdsa_secp256r1_sha256);
  request.input_size = 0;
  EXPECT_EQ(open("ec256")->sign(request).error().code, ckr(CKR_DATA_LEN_RANGE));
  request.input_size = 31;
  EXPECT_EQ(open("ec256")->sign(request).error().code, ckr(CKR_DATA_LEN_RANGE));
}

TEST_F(signing, with_an_invalid_key_or_session_handle_says_so) {
  der::bytes out;
  const std::pair<CK_KEY_TYPE, signature_scheme> kinds[] = {{CKK_RSA, signature_scheme::rsa_pkcs1_sha256},
                                                            {CKK_RSA, signature_scheme::rsa_pss_rsae_sha256},
                                                            {CKK_ECDSA, signature_scheme::ecdsa_secp256r1_sha256}};
  for (const auto& [type, scheme] : kinds) {
    const auto bad_key = s_.sign(0xdead, type, request_for(scheme), {}, out);
    EXPECT_TRUE(bad_key == CKR_KEY_HANDLE_INVALID || bad_key == CKR_OBJECT_HANDLE_INVALID) << bad_key;
    session closed(*lib_);
    EXPECT_EQ(closed.sign(handle("rsa2048"), type, request_for(scheme), {}, out), CKR_SESSION_HANDLE_INVALID);
  }
}

TEST_F(signing, with_a_mechanism_the_token_lacks_says_so) {
  const test::faulty_token faulty;
  faulty.generate("site", key_type::rsa2048);
  faulty.script("[token]\nwithout = [\"CKM_RSA_PKCS_PSS\"]");
  const auto k = faulty.open("site");
  const auto refused = k->sign(request_for(signature_scheme::rsa_pss_rsae_sha256));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ckr(CKR_MECHANISM_INVALID));
  EXPECT_EQ(refused.error().code, errc::mechanism_unsupported);
  EXPECT_EQ(refused.error().code, errc::key_unavailable);
  EXPECT_TRUE(k->sign(request_for(signature_scheme::rsa_pkcs1_sha256)));
}

TEST_F(signing, with_any_other_mechanism_the_token_lacks_says_so_too) {
  const test::faulty_token faulty;
  faulty.generate("rsa", key_type::rsa2048, 1);
  faulty.generate("ec", key_type::ec256, 2);
  faulty.script("[token]\nwithout = [\"CKM_RSA_PKCS\", \"CKM_ECDSA\"]");
  const auto refused = faulty.open("ec")->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ckr(CKR_MECHANISM_INVALID));
  const auto rsa = faulty.open("rsa");
  EXPECT_EQ(rsa->sign(request_for(signature_scheme::rsa_pkcs1_sha256)).error().code, ckr(CKR_MECHANISM_INVALID));
  const std::array<std::byte, 256> any{};
  EXPECT_EQ(rsa->decrypt(any).error().code, ckr(CKR_MECHANISM_INVALID));
}

TEST_F(signing, an_answer_that_is_no_signature_is_an_encoding_error) {
  const test::faulty_token faulty;
  faulty.generate("site");
  const auto k = faulty.open("site");
  for (const auto* how : {"odd", "empty"}) {
    faulty.script(std::string("[token]\nsignature = \"") + how + "\"");
    EXPECT_EQ(k->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)).error().code, errc::encoding_error) << how;
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

TEST_F(signing, refuses_to_decrypt_what_cannot_be) {
  EXPECT_EQ(open("rsa2048")->decrypt({}).error().code, ckr(CKR_ENCRYPTED_DATA_LEN_RANGE));
  const std::array<std::byte, 256> any{};
  EXPECT_EQ(open("ec256")->decrypt(any).error().code, ckr(CKR_KEY_TYPE_INCONSISTENT));
  der::bytes out;
  const auto bad_key = s_.decrypt(0xdead, CKK_RSA, any, {}, out);
  EXPECT_TRUE(bad_key == CKR_KEY_HANDLE_INVALID || bad_key == CKR_OBJECT_HANDLE_INVALID) << bad_key;
  session closed(*lib_);
  EXPECT_EQ(closed.decrypt(handle("rsa2048"), CKK_RSA, any, {}, out), CKR_SESSION_HANDLE_INVALID);
}

}  // namespace
}  // namespace sluice::pkcs11
