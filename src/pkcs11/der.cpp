// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/der.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

namespace sluice {
inline namespace v0 {
namespace pkcs11::der {
namespace {

constexpr std::uint8_t tag_integer = 0x02, tag_bit_string = 0x03, tag_octet_string = 0x04, tag_sequence = 0x30;

bytes of(std::initializer_list<std::uint8_t> values) {
  bytes made;
  for (const auto value : values) made.push_back(std::byte{value});
  return made;
}

void append(bytes& to, view more) { to.insert(to.end(), more.begin(), more.end()); }

// Definite length in the shortest form, as DER has it (X.690 §10.1).
bytes wrapped(std::uint8_t tag, view content) {
  bytes made{std::byte{tag}};
  const auto size = content.size();
  if (size < 0x80) {
    made.push_back(static_cast<std::byte>(size));
  } else {
    bytes length;
    for (auto rest = size; rest > 0; rest >>= 8) length.insert(length.begin(), static_cast<std::byte>(rest & 0xff));
    made.push_back(static_cast<std::byte>(0x80 | length.size()));
    append(made, length);
  }
  append(made, content);
  return made;
}

// Not std::ranges::search, which Clang 14 cannot compile with this library.
bool contains(view whole, view part) {
  return std::search(whole.begin(), whole.end(), part.begin(), part.end()) != whole.end();
}

bytes joined(std::initializer_list<bytes> parts) {
  bytes made;
  for (const auto& part : parts) append(made, part);
  return made;
}

// A BIT STRING of whole bytes.
bytes bit_string(view content) {
  bytes padded{std::byte{0}};
  append(padded, content);
  return wrapped(tag_bit_string, padded);
}

bytes public_key_info(const bytes& algorithm, view key) {
  return wrapped(tag_sequence, joined({wrapped(tag_sequence, algorithm), bit_string(key)}));
}

bytes rsa_encryption() { return of({0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00}); }

// What is in an element with that tag; nothing for anything else, or where the length does not fit.
// Strict about what is behind it: a point in the raw form may begin with the byte of a tag, and is distinguished from
// an element by the length that does not fit.
std::optional<view> content_of(std::uint8_t tag, view element) {
  if (element.size() < 2 || element[0] != std::byte{tag}) return std::nullopt;
  auto size = std::to_integer<std::size_t>(element[1]);
  std::size_t header = 2;
  if (size > 0x80) {
    const auto more = size - 0x80;
    if (more > 2 || element.size() < header + more) return std::nullopt;
    size = 0;
    for (std::size_t i = 0; i < more; ++i) size = size << 8 | std::to_integer<std::size_t>(element[header + i]);
    header += more;
  }
  if (element.size() - header != size) return std::nullopt;
  return element.subspan(header);
}

// The arc of each hash under 2.16.840.1.101.3.4.2, and SHA-1's own identifier.
bytes hash_identifier(digest_kind kind) {
  const auto nist = [](std::uint8_t arc) {
    return of({0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc, 0x05, 0x00});
  };
  switch (kind) {
    case digest_kind::md5_sha1: break;
    case digest_kind::sha1: return of({0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00});
    case digest_kind::sha224: return nist(4);
    case digest_kind::sha256: return nist(1);
    case digest_kind::sha384: return nist(2);
    case digest_kind::sha512: return nist(3);
  }
  return {};
}

}  // namespace

// Tokens write numbers with a fixed width. An INTEGER has no leading zeros, but one where it would be negative without
// it (X.690 §8.3).
bytes integer(view number) {
  std::size_t zeros = 0;
  while (zeros < number.size() && number[zeros] == std::byte{0}) ++zeros;
  const auto significant = number.subspan(zeros);
  bytes content;
  const bool looks_negative = !significant.empty() && (significant.front() & std::byte{0x80}) != std::byte{0};
  if (significant.empty() || looks_negative) content.push_back(std::byte{0});
  append(content, significant);
  return wrapped(tag_integer, content);
}

bytes octet_string(view content) { return wrapped(tag_octet_string, content); }

// PKCS#11 v2.40, mechanisms, §2.3.1: r and s have the same length, each padded with zeros; TLS has them as a SEQUENCE
// (RFC 3279 §2.2.3).
std::optional<bytes> ecdsa_signature(view r_and_s) {
  if (r_and_s.empty() || r_and_s.size() % 2 != 0) return std::nullopt;
  const auto half = r_and_s.size() / 2;
  return wrapped(tag_sequence, joined({integer(r_and_s.first(half)), integer(r_and_s.subspan(half))}));
}

bytes digest_info(digest_kind kind, view digest) {
  if (kind == digest_kind::md5_sha1) return {digest.begin(), digest.end()};
  return wrapped(tag_sequence,
                 joined({wrapped(tag_sequence, hash_identifier(kind)), wrapped(tag_octet_string, digest)}));
}

bytes rsa_public_key(view modulus, view exponent) {
  return public_key_info(rsa_encryption(), wrapped(tag_sequence, joined({integer(modulus), integer(exponent)})));
}

bytes ec_public_key(view parameters, view point) {
  const auto ec_public_key_id = of({0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01});
  return public_key_info(joined({ec_public_key_id, bytes(parameters.begin(), parameters.end())}), point);
}

// PKCS#11 v2.40 says an OCTET STRING around the point; there are modules that write the point alone, or a BIT STRING.
// All readings that could be meant are returned, the standard's first; which is a point of the curve, AWS-LC decides.
std::vector<bytes> ec_points(view attribute) {
  std::vector<bytes> made;
  const auto add = [&made](view point) {
    if (point.empty()) return;
    const auto form = std::to_integer<int>(point.front());
    if (form != 2 && form != 3 && form != 4 && form != 6 && form != 7) return;
    made.emplace_back(point.begin(), point.end());
    if (form > 4) made.back().front() = std::byte{4};
  };
  if (const auto inner = content_of(tag_octet_string, attribute)) add(*inner);
  // The first byte of a BIT STRING counts the bits that are not used.
  if (const auto inner = content_of(tag_bit_string, attribute); inner && !inner->empty()) add(inner->subspan(1));
  add(attribute);
  return made;
}

bool is_of_rsa(view public_key) { return contains(public_key, rsa_encryption()); }

bool is_of_curve(view public_key, view parameters) { return !parameters.empty() && contains(public_key, parameters); }

}  // namespace pkcs11::der
}  // namespace v0
}  // namespace sluice
