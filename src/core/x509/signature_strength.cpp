// SPDX-License-Identifier: Apache-2.0
#include "core/x509/signature_strength.hpp"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/obj.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using grade = signature_strength::grade;

struct known_algorithm {
  int nid;
  grade is;
  const char* name;
};
// A list of what is good, and not of what is bad: an algorithm that is not on it is `unknown`, which counts as weak.
constexpr std::array algorithms = {
    known_algorithm{NID_sha224WithRSAEncryption, grade::good, "SHA-224"},
    known_algorithm{NID_sha256WithRSAEncryption, grade::good, "SHA-256"},
    known_algorithm{NID_sha384WithRSAEncryption, grade::good, "SHA-384"},
    known_algorithm{NID_sha512WithRSAEncryption, grade::good, "SHA-512"},
    known_algorithm{NID_ecdsa_with_SHA224, grade::good, "SHA-224"},
    known_algorithm{NID_ecdsa_with_SHA256, grade::good, "SHA-256"},
    known_algorithm{NID_ecdsa_with_SHA384, grade::good, "SHA-384"},
    known_algorithm{NID_ecdsa_with_SHA512, grade::good, "SHA-512"},
    known_algorithm{NID_ED25519, grade::good, "Ed25519"},
    known_algorithm{NID_MLDSA44, grade::good, "ML-DSA-44"},
    known_algorithm{NID_MLDSA65, grade::good, "ML-DSA-65"},
    known_algorithm{NID_MLDSA87, grade::good, "ML-DSA-87"},
    known_algorithm{NID_sha1WithRSAEncryption, grade::old, "SHA-1"},
    known_algorithm{NID_sha1WithRSA, grade::old, "SHA-1"},
    known_algorithm{NID_ecdsa_with_SHA1, grade::old, "SHA-1"},
    known_algorithm{NID_md5WithRSAEncryption, grade::old, "MD5"},
    known_algorithm{NID_md5WithRSA, grade::old, "MD5"},
};
constexpr std::array hashes = {
    known_algorithm{NID_sha224, grade::good, "SHA-224"}, known_algorithm{NID_sha256, grade::good, "SHA-256"},
    known_algorithm{NID_sha384, grade::good, "SHA-384"}, known_algorithm{NID_sha512, grade::good, "SHA-512"},
    known_algorithm{NID_sha1, grade::old, "SHA-1"},      known_algorithm{NID_md5, grade::old, "MD5"},
};

template <std::size_t N>
const known_algorithm* find(const std::array<known_algorithm, N>& among, int nid) {
  const auto found = std::ranges::find(among, nid, &known_algorithm::nid);
  return found != among.end() ? &*found : nullptr;
}

constexpr CBS_ASN1_TAG field(unsigned number) { return CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | number; }

// AlgorithmIdentifier of a hash; its parameters are NULL or absent.
const known_algorithm* read_hash(CBS from) {
  CBS algorithm, oid;
  if (!CBS_get_asn1(&from, &algorithm, CBS_ASN1_SEQUENCE) || CBS_len(&from) != 0 ||
      !CBS_get_asn1(&algorithm, &oid, CBS_ASN1_OBJECT)) {
    return nullptr;
  }
  return find(hashes, OBJ_cbs2nid(&oid));
}

// MaskGenAlgorithm: MGF1 with a hash is the only one there is.
const known_algorithm* read_mask(CBS from) {
  CBS algorithm, oid;
  if (!CBS_get_asn1(&from, &algorithm, CBS_ASN1_SEQUENCE) || CBS_len(&from) != 0 ||
      !CBS_get_asn1(&algorithm, &oid, CBS_ASN1_OBJECT) || OBJ_cbs2nid(&oid) != NID_mgf1) {
    return nullptr;
  }
  return read_hash(algorithm);
}

// RSASSA-PSS-params (RFC 4055 §3.1), both hashes of which are SHA-1 where they are left out.
signature_strength strength_of_pss(int type, const void* value) {
  signature_strength unknown{grade::unknown, "RSASSA-PSS with parameters that are not known"};
  // The defaults of the RFC, so that parameters which are left out do not pass for something better.
  const known_algorithm* hash = find(hashes, NID_sha1);
  const known_algorithm* mask = hash;
  if (type == V_ASN1_SEQUENCE) {
    const auto* text = static_cast<const ASN1_STRING*>(value);
    CBS all, body, part;
    int is_there = 0;
    CBS_init(&all, ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text)));
    if (!CBS_get_asn1(&all, &body, CBS_ASN1_SEQUENCE) || CBS_len(&all) != 0) return unknown;
    if (!CBS_get_optional_asn1(&body, &part, &is_there, field(0))) return unknown;
    if (is_there) hash = read_hash(part);
    if (!CBS_get_optional_asn1(&body, &part, &is_there, field(1))) return unknown;
    if (is_there) mask = read_mask(part);
  } else if (type != V_ASN1_UNDEF && type != V_ASN1_NULL) {
    return unknown;
  }
  if (hash == nullptr || mask == nullptr) return unknown;
  // Both hashes have to be good: a signature is as strong as the weaker of them.
  const auto* weaker = hash->is != grade::good ? hash : mask;
  return {weaker->is, std::string("RSASSA-PSS with ") + weaker->name};
}

std::string name_of(const ASN1_OBJECT* object) {
  std::array<char, 80> text{};
  const int size = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return size > 0 ? "the algorithm " + std::string(text.data()) : "an algorithm without a name";
}

}  // namespace

signature_strength strength_of_signature(const X509* x509) {
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(nullptr, &algorithm, x509);
  const ASN1_OBJECT* object = nullptr;
  int type = V_ASN1_UNDEF;
  const void* value = nullptr;
  X509_ALGOR_get0(&object, &type, &value, algorithm);
  const int nid = OBJ_obj2nid(object);
  ERR_clear_error();
  if (nid == NID_rsassaPss) return strength_of_pss(type, value);
  if (const auto* known = find(algorithms, nid)) return {known->is, known->name};
  return {grade::unknown, name_of(object)};
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
