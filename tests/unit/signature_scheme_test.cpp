// SPDX-License-Identifier: Apache-2.0
// The table of signature schemes.
#include "sluice/private_key.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using enum signature_scheme;

constexpr signature_scheme schemes[] = {
    rsa_pkcs1_sha1,         ecdsa_sha1,          rsa_pkcs1_sha224,       ecdsa_sha224,       rsa_pkcs1_sha256,
    ecdsa_secp256r1_sha256, rsa_pkcs1_sha384,    ecdsa_secp384r1_sha384, rsa_pkcs1_sha512,   ecdsa_secp521r1_sha512,
    rsa_pss_rsae_sha256,    rsa_pss_rsae_sha384, rsa_pss_rsae_sha512,    rsa_pss_pss_sha256, rsa_pss_pss_sha384,
    rsa_pss_pss_sha512,     rsa_pkcs1_md5_sha1};

TEST(signature_schemes, have_names_that_lead_back_to_them) {
  for (const auto scheme : schemes) EXPECT_EQ(signature_scheme_from(to_string(scheme)), scheme);
  EXPECT_FALSE(signature_scheme_from("ed25519"));
  EXPECT_FALSE(signature_scheme_from(""));
}

TEST(signature_schemes, have_the_kind_and_digest_that_their_names_say) {
  const std::pair<const char*, std::size_t> sizes[] = {{"md5_sha1", 36}, {"_sha1", 20},  {"sha224", 28},
                                                       {"sha256", 32},   {"sha384", 48}, {"sha512", 64}};
  for (const auto scheme : schemes) {
    const auto name = to_string(scheme);
    const auto kind = name.starts_with("ecdsa")     ? signature_kind::ecdsa
                      : name.starts_with("rsa_pss") ? signature_kind::rsa_pss
                                                    : signature_kind::rsa_pkcs1;
    EXPECT_EQ(kind_of(scheme), kind) << name;
    for (const auto& [ending, size] : sizes) {
      if (!name.ends_with(ending)) continue;
      EXPECT_EQ(digest_size(digest_of(scheme)), size) << name;
      break;
    }
  }
}

TEST(signature_schemes, have_the_code_points_of_rfc_8446) {
  EXPECT_EQ(static_cast<int>(ecdsa_secp256r1_sha256), 0x0403);
  EXPECT_EQ(static_cast<int>(rsa_pss_rsae_sha256), 0x0804);
  EXPECT_EQ(static_cast<int>(rsa_pss_pss_sha512), 0x080b);
}

}  // namespace
}  // namespace sluice::test
