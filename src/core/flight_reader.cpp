// SPDX-License-Identifier: Apache-2.0
#include "core/flight_reader.hpp"

#include <openssl/aead.h>
#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice::inline v0::internal {
namespace {

constexpr std::uint8_t record_cipher_change = 20, record_handshake = 22, record_application = 23;  // RFC 8446 §5.1
constexpr std::uint16_t extension_supported_versions = 43;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t header_size = 4;         // of a message: type and length
constexpr std::size_t finished_size_tls12 = 12;  // RFC 5246 §7.4.9

struct suite {
  const EVP_AEAD* aead;
  const EVP_MD* hash;
};

std::optional<suite> suite_of(std::uint16_t code) {
  switch (code) {
    case 0x1301: return suite{EVP_aead_aes_128_gcm(), EVP_sha256()};
    case 0x1302: return suite{EVP_aead_aes_256_gcm(), EVP_sha384()};
    case 0x1303: return suite{EVP_aead_chacha20_poly1305(), EVP_sha256()};
    default: return std::nullopt;
  }
}

// ServerHello (RFC 8446 §4.1.3), HelloRetryRequest included.
std::optional<hello> parse_hello(CBS body) {
  hello h;
  CBS session, extensions;
  if (!CBS_get_u16(&body, &h.version) || !CBS_skip(&body, 32) || !CBS_get_u8_length_prefixed(&body, &session) ||
      !CBS_get_u16(&body, &h.cipher) || !CBS_skip(&body, 1)) {
    return std::nullopt;
  }
  if (CBS_len(&body) == 0 || !CBS_get_u16_length_prefixed(&body, &extensions)) return h;
  while (CBS_len(&extensions) > 0) {
    std::uint16_t type = 0;
    CBS value;
    if (!CBS_get_u16(&extensions, &type) || !CBS_get_u16_length_prefixed(&extensions, &value)) break;
    if (type == extension_supported_versions) CBS_get_u16(&value, &h.version);
  }
  return h;
}

// HKDF-Expand-Label without a context (RFC 8446 §7.1).
bool expand(const suite& s, const secret& from, std::string_view label, std::span<std::uint8_t> out) {
  std::array<std::uint8_t, 64> info{};
  const auto full = std::string("tls13 ") + std::string(label);
  std::size_t size = 0;
  info[size++] = static_cast<std::uint8_t>(out.size() >> 8);
  info[size++] = static_cast<std::uint8_t>(out.size());
  info[size++] = static_cast<std::uint8_t>(full.size());
  std::memcpy(info.data() + size, full.data(), full.size());
  size += full.size();
  info[size++] = 0;
  const auto* key = reinterpret_cast<const std::uint8_t*>(from.view().data());
  return HKDF_expand(out.data(), out.size(), s.hash, key, from.size(), info.data(), size) == 1;
}

// Opens the records of an encrypted flight, one after the other.
class opener {
 public:
  opener(const suite& s, const secret& traffic) {
    std::array<std::uint8_t, EVP_AEAD_MAX_KEY_LENGTH> key{};
    const auto key_size = EVP_AEAD_key_length(s.aead);
    is_ready_ = expand(s, traffic, "key", std::span(key).first(key_size)) && expand(s, traffic, "iv", iv_) &&
                EVP_AEAD_CTX_init(ctx_.get(), s.aead, key.data(), key_size, EVP_AEAD_DEFAULT_TAG_LENGTH, nullptr) == 1;
    OPENSSL_cleanse(key.data(), key.size());
  }

  // The plaintext of a handshake record; nothing for any other, or one of another key's, which is not counted.
  std::optional<std::vector<std::uint8_t>> open(std::span<const std::uint8_t> header,
                                                std::span<const std::uint8_t> body) {
    if (!is_ready_) return std::nullopt;
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
    if (size == 0 || plain[size - 1] != record_handshake) return std::nullopt;
    plain.resize(size - 1);
    return plain;
  }

 private:
  bssl::ScopedEVP_AEAD_CTX ctx_;
  std::array<std::uint8_t, nonce_size> iv_{};
  std::uint64_t sequence_ = 0;
  bool is_ready_ = false;
};

class reader {
 public:
  reader(const secret& traffic, std::optional<hello> settled) : traffic_(traffic) { flight_.settled = settled; }

  read_flight read(std::span<const std::byte> bytes) {
    CBS all;
    CBS_init(&all, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    while (CBS_len(&all) >= 5) {
      const std::span header(CBS_data(&all), 5);
      std::uint8_t type = 0;
      CBS body;
      if (!CBS_get_u8(&all, &type) || !CBS_skip(&all, 2) || !CBS_get_u16_length_prefixed(&all, &body)) break;
      passed_ = bytes.size() - CBS_len(&all);
      take_record(type, header, {CBS_data(&body), CBS_len(&body)});
    }
    return std::move(flight_);
  }

 private:
  void take_record(std::uint8_t type, std::span<const std::uint8_t> header, std::span<const std::uint8_t> body) {
    const auto& settled = flight_.settled;
    if (type == record_cipher_change) {
      is_enciphered_ = settled && !flight_.is_tls13();
    } else if (type == record_handshake && is_enciphered_) {
      add(type_finished, std::vector<std::uint8_t>(), header_size + finished_size_tls12);
    } else if (type == record_handshake) {
      rest_.insert(rest_.end(), body.begin(), body.end());
    } else if (type == record_application && settled) {
      const auto s = suite_of(settled->cipher);
      if (!s || traffic_.empty()) return;
      if (!opener_) opener_.emplace(*s, traffic_);
      if (const auto plain = opener_->open(header, body)) rest_.insert(rest_.end(), plain->begin(), plain->end());
    }
    take_messages();
  }

  void take_messages() {
    for (;;) {
      CBS all, body;
      CBS_init(&all, rest_.data(), rest_.size());
      std::uint8_t type = 0;
      if (!CBS_get_u8(&all, &type) || !CBS_get_u24_length_prefixed(&all, &body)) return;
      if (type == type_server_hello) flight_.settled = parse_hello(body);
      add(type, {CBS_data(&body), CBS_data(&body) + CBS_len(&body)}, header_size + CBS_len(&body));
      rest_.erase(rest_.begin(), rest_.end() - static_cast<std::ptrdiff_t>(CBS_len(&all)));
    }
  }

  void add(std::uint8_t type, std::vector<std::uint8_t> body, std::size_t size) {
    read_message one;
    one.type = type;
    one.size = size;
    one.body = std::move(body);
    one.end = passed_;
    flight_.messages.push_back(std::move(one));
  }

  const secret& traffic_;
  read_flight flight_;
  std::vector<std::uint8_t> rest_;  // of a message that is not whole yet
  std::optional<opener> opener_;
  std::size_t passed_ = 0;
  bool is_enciphered_ = false;  // TLS 1.2, after ChangeCipherSpec
};

}  // namespace

const read_message* read_flight::find(std::uint8_t type) const noexcept {
  const auto found = std::ranges::find(messages, type, &read_message::type);
  return found != messages.end() ? &*found : nullptr;
}

read_flight read_messages(std::span<const std::byte> bytes, const secret& traffic, std::optional<hello> settled) {
  return reader(traffic, settled).read(bytes);
}

}  // namespace sluice::inline v0::internal
