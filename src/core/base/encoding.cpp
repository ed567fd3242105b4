// SPDX-License-Identifier: Apache-2.0
#include "core/base/encoding.hpp"

#include <openssl/bytestring.h>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

// BER of unknown length, as NSS and Windows write PKCS#12: SEQUENCE { INTEGER 3 …
constexpr std::string_view indefinite_pfx("\x30\x80\x02\x01\x03", 5);

// What follows `SEQUENCE { SEQUENCE`: an AlgorithmIdentifier and its OCTET STRING, or what a certificate signs.
encoding encoding_after_sequence(CBS body, CBS inner) {
  if (CBS_peek_asn1_tag(&inner, CBS_ASN1_OBJECT)) {
    return CBS_peek_asn1_tag(&body, CBS_ASN1_OCTETSTRING) ? encoding::encrypted_pkcs8 : encoding::unknown_der;
  }
  return CBS_peek_asn1_tag(&body, CBS_ASN1_SEQUENCE) ? encoding::certificate : encoding::unknown_der;
}

// What follows `SEQUENCE { INTEGER version`.
encoding encoding_after_version(CBS body, uint64_t version) {
  if (version == 3) return encoding::pkcs12;
  if (version == 1 && CBS_peek_asn1_tag(&body, CBS_ASN1_OCTETSTRING)) return encoding::sec1;
  if (version > 1) return encoding::unknown_der;
  if (CBS_peek_asn1_tag(&body, CBS_ASN1_SEQUENCE)) return encoding::pkcs8;
  return CBS_peek_asn1_tag(&body, CBS_ASN1_INTEGER) ? encoding::pkcs1 : encoding::unknown_der;
}

}  // namespace

// The outermost elements are enough: each of the forms begins with another pattern of tags. Nothing is verified; what
// looks like a form and is damaged is found by its parser, with a better message.
encoding encoding_of(std::string_view bytes) noexcept {
  if (!bytes.starts_with('\x30')) return encoding::pem;
  if (bytes.starts_with(indefinite_pfx)) return encoding::pkcs12;
  // A line of text may begin with a "0" too.
  const auto otherwise = bytes.find("-----BEGIN ") == bytes.npos ? encoding::unknown_der : encoding::pem;
  CBS input, body, inner;
  CBS_init(&input, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (CBS_get_asn1(&input, &body, CBS_ASN1_SEQUENCE) == 0 || CBS_len(&input) != 0) return otherwise;
  if (CBS_peek_asn1_tag(&body, CBS_ASN1_SEQUENCE) == 1) {
    if (CBS_get_asn1(&body, &inner, CBS_ASN1_SEQUENCE) != 1) return otherwise;
    return encoding_after_sequence(body, inner);
  }
  uint64_t version = 0;
  return CBS_get_asn1_uint64(&body, &version) == 1 ? encoding_after_version(body, version) : otherwise;
}

std::string_view private_key_label(encoding form) noexcept {
  switch (form) {
    case encoding::pkcs8: return "PRIVATE KEY";
    case encoding::encrypted_pkcs8: return "ENCRYPTED PRIVATE KEY";
    case encoding::pkcs1: return "RSA PRIVATE KEY";
    case encoding::sec1: return "EC PRIVATE KEY";
    case encoding::pem:
    case encoding::certificate:
    case encoding::pkcs12:
    case encoding::unknown_der: return {};
  }
  return {};
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
