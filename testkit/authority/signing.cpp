// SPDX-License-Identifier: Apache-2.0
#include "testkit/authority/signing.hpp"

#include "testkit/authority/keys.hpp"

#include <openssl/base64.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>

#include <algorithm>

namespace sluice::testkit {
namespace {

using enum signature_scheme;

const uint8_t* raw(std::span<const std::byte> bytes) { return reinterpret_cast<const uint8_t*>(bytes.data()); }

std::vector<signature_scheme> rsa_schemes(const EVP_PKEY* key) {
  std::vector<signature_scheme> made{rsa_pss_rsae_sha256, rsa_pkcs1_sha256, rsa_pss_rsae_sha384, rsa_pkcs1_sha384,
                                     rsa_pss_rsae_sha512, rsa_pkcs1_sha512, rsa_pkcs1_sha1,      rsa_pkcs1_md5_sha1};
  // PSS needs room for two digests and two bytes (RFC 8017 §9.1.1).
  if (EVP_PKEY_size(key) < 130) std::erase(made, rsa_pss_rsae_sha512);
  return made;
}

}  // namespace

const EVP_MD* md_of(digest_kind kind) {
  switch (kind) {
    case digest_kind::md5_sha1: return EVP_md5_sha1();
    case digest_kind::sha1: return EVP_sha1();
    case digest_kind::sha224: return EVP_sha224();
    case digest_kind::sha256: return EVP_sha256();
    case digest_kind::sha384: return EVP_sha384();
    case digest_kind::sha512: return EVP_sha512();
  }
  return EVP_sha256();
}

sign_request digest_to_sign(signature_scheme scheme, std::span<const std::byte> data) {
  sign_request request{.scheme = scheme};
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), reinterpret_cast<uint8_t*>(request.input.data()), &size,
             md_of(digest_of(scheme)), nullptr);
  request.input_size = static_cast<std::uint8_t>(size);
  return request;
}

bool verifies(std::span<const std::byte> public_key, const sign_request& request,
              std::span<const std::byte> signature) {
  const auto key = parse_public_key(public_key);
  if (!key) return false;
  const bssl::UniquePtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new(key.get(), nullptr));
  const auto kind = kind_of(request.scheme);
  const auto* md = md_of(digest_of(request.scheme));
  bool is_ready = ctx && EVP_PKEY_verify_init(ctx.get()) == 1 && EVP_PKEY_CTX_set_signature_md(ctx.get(), md) == 1;
  if (kind == signature_kind::rsa_pss) {
    is_ready = is_ready && EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx.get(), -1) == 1;
  }
  const auto digest = request.digest();
  const bool is_good =
      is_ready && EVP_PKEY_verify(ctx.get(), raw(signature), signature.size(), raw(digest), digest.size()) == 1;
  ERR_clear_error();
  return is_good;
}

std::vector<signature_scheme> schemes_for(std::span<const std::byte> public_key) {
  const auto key = parse_public_key(public_key);
  if (!key) return {};
  if (EVP_PKEY_id(key.get()) == EVP_PKEY_RSA) return rsa_schemes(key.get());
  const auto* ec = EVP_PKEY_get0_EC_KEY(key.get());
  if (ec == nullptr) return {};
  switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(ec))) {
    case NID_X9_62_prime256v1:
      return {ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384, ecdsa_secp521r1_sha512, ecdsa_sha1};
    case NID_secp384r1: return {ecdsa_secp384r1_sha384, ecdsa_secp256r1_sha256, ecdsa_secp521r1_sha512, ecdsa_sha1};
    case NID_secp521r1: return {ecdsa_secp521r1_sha512, ecdsa_secp256r1_sha256, ecdsa_secp384r1_sha384, ecdsa_sha1};
    default: return {};
  }
}

std::string base64(std::span<const std::byte> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  text.resize(EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), raw(bytes), bytes.size()));
  return text;
}

}  // namespace sluice::testkit
