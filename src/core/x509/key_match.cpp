// SPDX-License-Identifier: Apache-2.0
#include "core/x509/key_match.hpp"

#include "core/base/encoding.hpp"
#include "core/base/error_tables.hpp"
#include "core/x509/certificate_parts.hpp"
#include "core/x509/decrypt_key.hpp"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {
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

// ECPrivateKey (RFC 5915 §3). AWS-LC's guess by the number of fields is wrong for one without its public half.
pkey_handle parse_sec1(const pem_object& object) {
  CBS input;
  CBS_init(&input, raw(object.der), object.der.size());
  const bssl::UniquePtr<EC_KEY> ec(EC_KEY_parse_private_key(&input, nullptr));
  pkey_handle key(ec && CBS_len(&input) == 0 ? EVP_PKEY_new() : nullptr);
  if (key && EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) != 1) key.reset();
  return key;
}

bool is_sec1(const pem_object& object) {
  return encoding_of({reinterpret_cast<const char*>(object.der.data()), object.der.size()}) == encoding::sec1;
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

// `key` is ours, where it is known: a chain is often in the wrong order.
failure mismatch(const std::string& where, std::span<const certificate> chain, const EVP_PKEY* key) {
  for (std::size_t i = 1; i < chain.size(); ++i) {
    if (!is_same_key(key, public_key_of(chain[i]).get())) continue;
    return make_failure(errc::key_mismatch, where,
                        "the key is that of certificate " + std::to_string(i + 1) + " of " +
                            std::to_string(chain.size()) + ", \"" + chain[i].subject() + "\"",
                        "put that certificate first, and each issuer below what it signed");
  }
  const auto& leaf = chain.front();
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

pkey_handle parse_private_key(const pem_object& object) {
  auto key = is_sec1(object) ? parse_sec1(object) : pkey_handle();
  const auto* at = raw(object.der);
  // Also where SEC 1 failed: what begins like one may be something else that AWS-LC knows.
  if (!key) key.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(object.der.size())));
  ERR_clear_error();
  return key;
}

bool lacks_public_half(const pem_object& object) {
  constexpr auto parameters = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 0;
  constexpr auto public_half = CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | 1;
  CBS input, body, octets;
  std::uint64_t version = 0;
  int has_parameters = 0;
  CBS_init(&input, raw(object.der), object.der.size());
  return is_sec1(object) && CBS_get_asn1(&input, &body, CBS_ASN1_SEQUENCE) == 1 &&
         CBS_get_asn1_uint64(&body, &version) == 1 && CBS_get_asn1(&body, &octets, CBS_ASN1_OCTETSTRING) == 1 &&
         CBS_get_optional_asn1(&body, &octets, &has_parameters, parameters) == 1 &&
         CBS_peek_asn1_tag(&body, public_half) != 1;
}

bool is_private_key(const pem_object& object) { return parse_private_key(object) != nullptr; }

bool is_of_key(const certificate& leaf, const pem_object& key) {
  return is_same_key(parse_private_key(key).get(), public_key_of(leaf).get());
}

result<void> check_key_in_memory(const pem_object& object, std::span<const certificate> chain,
                                 const std::string& where) {
  const auto& leaf = chain.front();
  const auto expected = public_key_of(leaf);
  if (!expected || !trial_scheme(expected.get())) return unsupported(where, leaf);
  const auto key = parse_private_key(object);
  if (!key) return make_failure(errc::bad_pem, where, "the " + object.label + " object is not a private key in DER");
  if (!trial_scheme(key.get())) {
    return make_failure(errc::unsupported_key, where, "the key is " + key_description(key.get()), usable_keys);
  }
  if (!is_same_key(key.get(), expected.get())) return mismatch(where, chain, key.get());
  return {};
}

result<void> check_key_elsewhere(private_key& key, std::span<const certificate> chain,
                                 std::chrono::milliseconds timeout) {
  const auto& leaf = chain.front();
  const auto expected = public_key_of(leaf);
  const auto scheme = expected ? trial_scheme(expected.get()) : std::nullopt;
  if (!scheme) return unsupported(key.name(), leaf);
  if (const auto known = key.public_key()) {
    const auto ours = parse_public_key(*known);
    if (!is_same_key(ours.get(), expected.get())) return mismatch(key.name(), chain, ours.get());
    return {};
  }
  sign_request request;
  // Random input: a signature that somebody recorded must not pass for one that was made now.
  request.scheme = *scheme;
  request.input_size = static_cast<std::uint8_t>(digest_size(digest_of(*scheme)));
  RAND_bytes(reinterpret_cast<uint8_t*>(request.input.data()), request.input_size);
  auto signature = sign_and_wait(key, request, timeout);
  if (!signature) return signature.error();
  if (!verifies(leaf, *scheme, request.digest(), *signature)) return mismatch(key.name(), chain, nullptr);
  return {};
}

// Names first, because they are compared in no time; a signature costs a verification, and a bag may have many pairs.
bool is_issuer(const certificate& issuer, const certificate& subject) {
  if (!std::ranges::equal(issuer.subject_der(), subject.issuer_der())) return false;
  const auto* at = raw(subject.der());
  const bssl::UniquePtr<X509> parsed(d2i_X509(nullptr, &at, static_cast<long>(subject.der().size())));
  const auto key = public_key_of(issuer);
  const bool is_good = parsed && key && X509_verify(parsed.get(), key.get()) == 1;
  ERR_clear_error();
  return is_good;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
