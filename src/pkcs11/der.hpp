// SPDX-License-Identifier: Apache-2.0
// The little DER (X.690) that tokens leave to their callers.
#pragma once

#include "sluice/private_key.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11::der {

using bytes = std::vector<std::byte>;
using view = std::span<const std::byte>;

// A big-endian unsigned number as a minimal INTEGER.
bytes integer(view number);
bytes octet_string(view content);
// r‖s, as C_Sign answers for CKM_ECDSA, as SEQUENCE { INTEGER, INTEGER } (RFC 3279 §2.2.3). Nothing for an odd or
// empty length. Lengths above 127 (P-521) take the long form.
std::optional<bytes> ecdsa_signature(view r_and_s);
// DigestInfo (RFC 8017 §9.2) around a digest; for md5_sha1 the digest alone, as TLS 1.0 has it.
bytes digest_info(digest_kind kind, view digest);

// SubjectPublicKeyInfo from the attributes of a key: CKA_MODULUS and CKA_PUBLIC_EXPONENT, or CKA_EC_PARAMS and
// one of the ec_points of CKA_EC_POINT.
bytes rsa_public_key(view modulus, view exponent);
bytes ec_public_key(view parameters, view point);

// What CKA_EC_POINT may mean, the likeliest first: tokens write the point as an OCTET STRING, as the standard has it,
// as a BIT STRING, or bare. A hybrid point (X9.62 §4.3.6) becomes an uncompressed one.
std::vector<bytes> ec_points(view attribute);

// Is a SubjectPublicKeyInfo of an RSA key, or of an EC key over the curve with those DER parameters?
bool is_of_rsa(view public_key);
bool is_of_curve(view public_key, view parameters);

}  // namespace pkcs11::der
}  // namespace v0
}  // namespace sluice
