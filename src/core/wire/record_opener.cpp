// SPDX-License-Identifier: Apache-2.0
#include "core/wire/record_opener.hpp"

#include "core/wire/numbers.hpp"

#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

struct record_opener::suite {
  std::uint16_t code;
  const EVP_AEAD* (*aead)();
  const EVP_MD* (*hash)();
};

namespace {

// HKDF-Expand-Label without a context (RFC 8446 §7.1).
bool expand(const EVP_MD* hash, const traffic_secret& from, std::string_view label, std::span<std::uint8_t> out) {
  std::array<std::uint8_t, 64> info{};
  const auto full = std::string("tls13 ") + std::string(label);
  std::size_t size = 0;
  info[size++] = static_cast<std::uint8_t>(out.size() >> 8);
  info[size++] = static_cast<std::uint8_t>(out.size());
  info[size++] = static_cast<std::uint8_t>(full.size());
  std::memcpy(info.data() + size, full.data(), full.size());
  size += full.size();
  info[size++] = 0;
  const auto* key = reinterpret_cast<const std::uint8_t*>(from.bytes().data());
  return HKDF_expand(out.data(), out.size(), hash, key, from.size(), info.data(), size) == 1;
}

}  // namespace

const record_opener::suite* record_opener::suite_of(std::uint16_t code) {
  static constexpr std::array suites = {suite{0x1301, EVP_aead_aes_128_gcm, EVP_sha256},
                                        suite{0x1302, EVP_aead_aes_256_gcm, EVP_sha384},
                                        suite{0x1303, EVP_aead_chacha20_poly1305, EVP_sha256}};
  const auto found = std::ranges::find(suites, code, &suite::code);
  return found == suites.end() ? nullptr : &*found;
}

std::optional<record_opener> record_opener::make(std::uint16_t cipher, const traffic_secret& traffic) {
  const auto* known = suite_of(cipher);
  if (known == nullptr || traffic.empty()) return std::nullopt;
  record_opener made(*known, traffic);
  if (!made.begin()) return std::nullopt;
  return made;
}

bool record_opener::begin() {
  const auto* aead = suite_->aead();
  std::array<std::uint8_t, EVP_AEAD_MAX_KEY_LENGTH> key{};
  const auto used = std::span(key).first(EVP_AEAD_key_length(aead));
  const bool is_derived = expand(suite_->hash(), traffic_, "key", used) && expand(suite_->hash(), traffic_, "iv", iv_);
  if (is_derived) ctx_.reset(EVP_AEAD_CTX_new(aead, used.data(), used.size(), EVP_AEAD_DEFAULT_TAG_LENGTH));
  OPENSSL_cleanse(key.data(), key.size());
  // RFC 8446 §5.3: the numbers begin anew with each key.
  sequence_ = 0;
  return is_derived && ctx_ != nullptr;
}

// The nonce of number 0 is the IV itself. Sealing with a number twice would break the AEAD, which is why there is no
// general seal(): the caller has counted that no record was sealed with this secret.
std::vector<std::uint8_t> record_opener::seal_first(std::uint8_t type, std::span<const std::uint8_t> plain) const {
  std::vector<std::uint8_t> inner(plain.begin(), plain.end());
  inner.push_back(type);  // RFC 8446 §5.2
  const auto size = inner.size() + EVP_AEAD_max_overhead(suite_->aead());
  std::vector<std::uint8_t> made = {wire::record_application_data, 3, 3, static_cast<std::uint8_t>(size >> 8),
                                    static_cast<std::uint8_t>(size)};
  const std::size_t header_size = made.size();
  made.resize(header_size + size);
  std::size_t sealed = 0;
  const bool is_made = EVP_AEAD_CTX_seal(ctx_.get(), made.data() + header_size, &sealed, size, iv_.data(), iv_.size(),
                                         inner.data(), inner.size(), made.data(), header_size) == 1;
  return is_made && sealed == size ? made : std::vector<std::uint8_t>();
}

std::vector<std::uint8_t> seal_first_record(std::uint16_t cipher, const traffic_secret& traffic, std::uint8_t type,
                                            std::span<const std::uint8_t> plain) {
  const auto made = record_opener::make(cipher, traffic);
  return made ? made->seal_first(type, plain) : std::vector<std::uint8_t>();
}

bool record_opener::update() {
  std::array<std::byte, 64> next{};
  const auto used = std::span(next).first(traffic_.size());
  const std::span out(reinterpret_cast<std::uint8_t*>(used.data()), used.size());
  const bool is_derived = expand(suite_->hash(), traffic_, "traffic upd", out);
  // The old secret is wiped by that: records from before a KeyUpdate cannot be opened any more, as RFC 8446 §7.2
  // intends.
  if (is_derived) traffic_ = traffic_secret(used);
  OPENSSL_cleanse(next.data(), next.size());
  return is_derived && begin();
}

std::optional<record_opener::opened> record_opener::open(std::span<const std::uint8_t> header,
                                                         std::span<const std::uint8_t> body) {
  auto nonce = iv_;
  for (std::size_t i = 0; i < 8; ++i) nonce[nonce_size - 1 - i] ^= static_cast<std::uint8_t>(sequence_ >> (8 * i));
  std::vector<std::uint8_t> plain(body.size());
  std::size_t size = 0;
  if (EVP_AEAD_CTX_open(ctx_.get(), plain.data(), &size, plain.size(), nonce.data(), nonce.size(), body.data(),
                        body.size(), header.data(), header.size()) != 1) {
    return std::nullopt;
  }
  ++sequence_;
  while (size > 0 && plain[size - 1] == 0) --size;  // padding, then the real content type
  if (size == 0) return opened{};
  const auto type = plain[size - 1];
  plain.resize(size - 1);
  return opened{type, std::move(plain)};
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
