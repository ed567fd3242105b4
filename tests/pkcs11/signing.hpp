// SPDX-License-Identifier: Apache-2.0
// What tests of signatures share: a token with a key of each kind, and a session of their own on it.
#pragma once

#include "support/faulty.hpp"

#include "core/x509/key_match.hpp"
#include "pkcs11/session.hpp"
#include "pkcs11/tokens.hpp"
#include "testkit/authority/authority.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::pkcs11 {

inline error_code ckr(CK_RV rv) { return {static_cast<int>(rv), pkcs11_category()}; }

inline constexpr std::array rsa_schemes = {
    signature_scheme::rsa_pkcs1_sha1,      signature_scheme::rsa_pkcs1_sha224,    signature_scheme::rsa_pkcs1_sha256,
    signature_scheme::rsa_pkcs1_sha384,    signature_scheme::rsa_pkcs1_sha512,    signature_scheme::rsa_pss_rsae_sha256,
    signature_scheme::rsa_pss_rsae_sha384, signature_scheme::rsa_pss_rsae_sha512, signature_scheme::rsa_pkcs1_md5_sha1};

struct curve_case {
  const char* label;
  signature_scheme scheme;
  std::size_t half;  // of a raw signature, in bytes
};
inline constexpr std::array curves = {curve_case{"ec256", signature_scheme::ecdsa_secp256r1_sha256, 32},
                                      curve_case{"ec384", signature_scheme::ecdsa_secp384r1_sha384, 48},
                                      curve_case{"ec521", signature_scheme::ecdsa_secp521r1_sha512, 66}};

class signing : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto type : {key_type::rsa2048, key_type::ec256, key_type::ec384, key_type::ec521}) {
      const auto id = std::byte(static_cast<int>(type) + 1);
      token_->admin().value().generate_key(type, std::string(to_string(type)), {&id, 1}).value();
    }
    ASSERT_EQ(s_.open(slot()), CKR_OK);
    ASSERT_EQ(s_.login(CKU_USER, token_->pin()), CKR_OK);
  }

  CK_SLOT_ID slot() const { return find_token(*lib_, uri::parse(token_->uri("")).value()).value().slot; }
  std::shared_ptr<key> open(const std::string& label) const { return open_key(token_->uri(label)).value(); }
  CK_OBJECT_HANDLE handle(const std::string& label, CK_OBJECT_CLASS type = CKO_PRIVATE_KEY) const {
    std::vector<CK_OBJECT_HANDLE> found;
    EXPECT_EQ(s_.find({.type = type, .label = label}, found), CKR_OK);
    return found.at(0);
  }
  certificate cert_for(const key& k) const {
    const auto issued = root_.issue_for(*k.public_key(), {.common_name = "x"}).value();
    return certificate::from_pem(issued.certificate).value().front();
  }
  // The token's own opinion.
  CK_RV c_verify(const std::string& label, CK_MECHANISM mechanism, der::view data, der::view signature) const {
    const auto rv = lib_->call(&CK_FUNCTION_LIST::C_VerifyInit, s_.handle(), &mechanism, handle(label, CKO_PUBLIC_KEY));
    if (rv != CKR_OK) return rv;
    const auto raw = [](der::view v) { return reinterpret_cast<unsigned char*>(const_cast<std::byte*>(v.data())); };
    return lib_->call(&CK_FUNCTION_LIST::C_Verify, s_.handle(), raw(data), CK_ULONG{data.size()}, raw(signature),
                      CK_ULONG{signature.size()});
  }

  const std::unique_ptr<testkit::scratch_token> token_ = testkit::scratch_token::make("signing").value();
  const std::shared_ptr<library> lib_ = library::load(token_->module_path(), {}).value();
  const testkit::authority root_ = testkit::authority::make_root("Root").value();
  session s_{*lib_};
};

}  // namespace sluice::pkcs11
