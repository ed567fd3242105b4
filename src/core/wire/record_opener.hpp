// SPDX-License-Identifier: Apache-2.0
// Opens TLS 1.3 records with their traffic secret: for showing to people, never for deciding anything. And seals
// one, for the alert of a client that s2n would send under the wrong key.
#pragma once

#include "core/wire/traffic_secret.hpp"

#include <openssl/aead.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// The records of one direction under one traffic secret, in order.
// `sequence_` is the number of the next record, and is part of its nonce: all records of the direction under this
// secret have to come by, in order, from the first. One that does not open leaves it as it was, because it may belong
// to another secret (early data that a server passes over, RFC 8446 §4.2.10).
class record_opener {
 public:
  // Nothing where the cipher suite's code is not one of TLS 1.3's that we know.
  static std::optional<record_opener> make(std::uint16_t cipher, const traffic_secret& traffic);

  struct opened {
    std::uint8_t type = 0;  // what the record really carries (RFC 8446 §5.2)
    std::vector<std::uint8_t> plain;
  };
  // Nothing for one that does not open; it has used up no number then.
  std::optional<opened> open(std::span<const std::uint8_t> header, std::span<const std::uint8_t> body);

  // The record number 0 under the secret; empty if it cannot be made. The caller knows that there is no other.
  std::vector<std::uint8_t> seal_first(std::uint8_t type, std::span<const std::uint8_t> plain) const;

  // The next generation of the secret, after a KeyUpdate (RFC 8446 §7.2).
  bool update();

 private:
  struct suite;
  static const suite* suite_of(std::uint16_t code);
  record_opener(const suite& s, const traffic_secret& traffic) : suite_(&s), traffic_(traffic) {}
  bool begin();

  static constexpr std::size_t nonce_size = 12;
  const suite* suite_;
  traffic_secret traffic_;
  bssl::UniquePtr<EVP_AEAD_CTX> ctx_;
  std::array<std::uint8_t, nonce_size> iv_{};
  std::uint64_t sequence_ = 0;
};

// As seal_first(), with the secret's cipher suite; empty where we do not know it.
std::vector<std::uint8_t> seal_first_record(std::uint16_t cipher, const traffic_secret& traffic, std::uint8_t type,
                                            std::span<const std::uint8_t> plain);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
