// SPDX-License-Identifier: Apache-2.0
#include "core/key_match.hpp"

#include "core/certificate_parts.hpp"
#include "core/error_tables.hpp"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>

namespace sluice::inline v0::internal {
namespace {

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

pkey_handle parse_public_key(std::span<const std::byte> der) {
  CBS spki;
  CBS_init(&spki, raw(der), der.size());
  pkey_handle key(EVP_parse_public_key(&spki));
  ERR_clear_error();
  return key;
}

pkey_handle public_key_of(const certificate& leaf) { return parse_public_key(leaf.public_key()); }

bool is_same_key(const EVP_PKEY* a, const EVP_PKEY* b) {
  const bool is_same = a != nullptr && b != nullptr && EVP_PKEY_cmp(a, b) == 1;
  ERR_clear_error();
  return is_same;
}

pkey_handle parse_private_key(const pem_object& object) {
  const auto* at = raw(object.der);
  pkey_handle key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(object.der.size())));
  ERR_clear_error();
  return key;
}

// What the certificate's key can be asked to sign with; nothing when s2n cannot use it.
std::optional<signature_scheme> trial_scheme(const EVP_PKEY* key) {
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA: return signature_scheme::rsa_pkcs1_sha256;
    case EVP_PKEY_RSA_PSS: return signature_scheme::rsa_pss_pss_sha256;
    case EVP_PKEY_EC: break;
    default: return std::nullopt;
  }
  switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)))) {
    case NID_X9_62_prime256v1: return signature_scheme::ecdsa_secp256r1_sha256;
    case NID_secp384r1: return signature_scheme::ecdsa_secp384r1_sha384;
    case NID_secp521r1: return signature_scheme::ecdsa_secp521r1_sha512;
    default: return std::nullopt;
  }
}

constexpr auto usable_keys = "use RSA, or ECDSA over P-256, P-384 or P-521: s2n-tls signs with nothing else";

failure unsupported(const std::string& where, const certificate& leaf) {
  return make_failure(errc::unsupported_key, where, "the certificate's key is " + leaf.key(), usable_keys);
}

failure mismatch(const std::string& where, const certificate& leaf) {
  return make_failure(errc::key_mismatch, where,
                      "the certificate is for \"" + leaf.subject() + "\" (" + leaf.key() + ")",
                      "pair the certificate with the key it was issued for");
}

const EVP_MD* digest_method(digest_kind digest) {
  switch (digest) {
    case digest_kind::md5_sha1: return EVP_md5_sha1();
    case digest_kind::sha1: return EVP_sha1();
    case digest_kind::sha224: return EVP_sha224();
    case digest_kind::sha256: return EVP_sha256();
    case digest_kind::sha384: return EVP_sha384();
    case digest_kind::sha512: return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

bool verifies(const certificate& leaf, signature_scheme scheme, std::span<const std::byte> digest,
              std::span<const std::byte> signature) {
  return verifies(leaf.public_key(), scheme, digest, signature);
}

bool verifies(std::span<const std::byte> public_key, signature_scheme scheme, std::span<const std::byte> digest,
              std::span<const std::byte> signature) {
  const auto key = parse_public_key(public_key);
  const bssl::UniquePtr<EVP_PKEY_CTX> ctx(key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  if (!ctx || EVP_PKEY_verify_init(ctx.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(ctx.get(), digest_method(digest_of(scheme))) != 1) {
    ERR_clear_error();
    return false;
  }
  if (kind_of(scheme) == signature_kind::rsa_pss &&
      (EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_PSS_PADDING) != 1 ||
       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx.get(), -1) != 1)) {
    ERR_clear_error();
    return false;
  }
  const bool is_good = EVP_PKEY_verify(ctx.get(), raw(signature), signature.size(), raw(digest), digest.size()) == 1;
  ERR_clear_error();
  return is_good;
}

std::optional<std::vector<std::byte>> normal_public_key(std::span<const std::byte> der) {
  const auto key = parse_public_key(der);
  bssl::ScopedCBB cbb;
  uint8_t* written = nullptr;
  std::size_t size = 0;
  const bool is_written = key && CBB_init(cbb.get(), der.size()) == 1 &&
                          EVP_marshal_public_key(cbb.get(), key.get()) == 1 &&
                          CBB_finish(cbb.get(), &written, &size) == 1;
  ERR_clear_error();
  if (!is_written) return std::nullopt;
  const bssl::UniquePtr<uint8_t> owned(written);
  const auto* first = reinterpret_cast<const std::byte*>(written);
  return std::vector<std::byte>(first, first + size);
}

bool is_private_key(const pem_object& object) { return parse_private_key(object) != nullptr; }

bool is_of_key(const certificate& leaf, const pem_object& key) {
  return is_same_key(parse_private_key(key).get(), public_key_of(leaf).get());
}

result<void> check_key_in_memory(const pem_object& object, const certificate& leaf, const std::string& where) {
  const auto expected = public_key_of(leaf);
  if (!expected || !trial_scheme(expected.get())) return unsupported(where, leaf);
  const auto key = parse_private_key(object);
  if (!key) return make_failure(errc::bad_pem, where, "the " + object.label + " object is not a private key in DER");
  if (!trial_scheme(key.get())) {
    return make_failure(errc::unsupported_key, where, "the key is " + key_description(key.get()), usable_keys);
  }
  if (!is_same_key(key.get(), expected.get())) return mismatch(where, leaf);
  return {};
}

result<void> check_key_elsewhere(private_key& key, const certificate& leaf, std::chrono::milliseconds patience) {
  const auto expected = public_key_of(leaf);
  const auto scheme = expected ? trial_scheme(expected.get()) : std::nullopt;
  if (!scheme) return unsupported(key.name(), leaf);
  if (const auto known = key.public_key()) {
    if (!is_same_key(parse_public_key(*known).get(), expected.get())) return mismatch(key.name(), leaf);
    return {};
  }
  sign_request request;
  request.scheme = *scheme;
  request.input_size = static_cast<std::uint8_t>(digest_size(digest_of(*scheme)));
  RAND_bytes(reinterpret_cast<uint8_t*>(request.input.data()), request.input_size);
  auto signature = sign_and_wait(key, request, patience);
  if (!signature) return signature.error();
  if (!verifies(leaf, *scheme, request.digest(), *signature)) return mismatch(key.name(), leaf);
  return {};
}

bool is_issuer(const certificate& issuer, const certificate& subject) {
  if (!std::ranges::equal(issuer.subject_der(), subject.issuer_der())) return false;
  const auto* at = raw(subject.der());
  const bssl::UniquePtr<X509> parsed(d2i_X509(nullptr, &at, static_cast<long>(subject.der().size())));
  const auto key = public_key_of(issuer);
  const bool is_good = parsed && key && X509_verify(parsed.get(), key.get()) == 1;
  ERR_clear_error();
  return is_good;
}

}  // namespace sluice::inline v0::internal
