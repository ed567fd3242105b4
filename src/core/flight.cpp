// SPDX-License-Identifier: Apache-2.0
#include "core/flight.hpp"

#include "core/flight_reader.hpp"

#include <openssl/aead.h>
#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace sluice::inline v0::internal {
namespace {

constexpr std::size_t most_kept = 128 * 1024;
constexpr std::uint8_t record_handshake = 22, record_application = 23;                     // RFC 8446 §5.1
constexpr std::uint8_t message_server_hello = 2, message_certificate = 11;                 // §4
constexpr std::uint16_t extension_supported_versions = 43, version_tls13 = 0x0304;
constexpr std::size_t nonce_size = 12;

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

// Opens the records of the peer's encrypted flight, one after the other.
class opener {
 public:
  opener(const suite& s, const secret& traffic) {
    std::array<std::uint8_t, EVP_AEAD_MAX_KEY_LENGTH> key{};
    const auto key_size = EVP_AEAD_key_length(s.aead);
    is_ready_ = expand(s, traffic, "key", std::span(key).first(key_size)) && expand(s, traffic, "iv", iv_) &&
                EVP_AEAD_CTX_init(ctx_.get(), s.aead, key.data(), key_size, EVP_AEAD_DEFAULT_TAG_LENGTH, nullptr) == 1;
    OPENSSL_cleanse(key.data(), key.size());
  }

  // The plaintext of a handshake record; nothing for any other, or one that does not open.
  std::optional<std::vector<std::uint8_t>> open(std::span<const std::uint8_t> header,
                                                std::span<const std::uint8_t> body) {
    if (!is_ready_) return std::nullopt;
    auto nonce = iv_;
    for (std::size_t i = 0; i < 8; ++i) nonce[nonce_size - 1 - i] ^= static_cast<std::uint8_t>(sequence_ >> (8 * i));
    ++sequence_;
    std::vector<std::uint8_t> plain(body.size());
    std::size_t size = 0;
    if (EVP_AEAD_CTX_open(ctx_.get(), plain.data(), &size, plain.size(), nonce.data(), nonce.size(), body.data(),
                          body.size(), header.data(), header.size()) != 1) {
      return std::nullopt;
    }
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

// Walks records and messages; remembers the hello that counts and the Certificate message.
class reader {
 public:
  reader(const secret& traffic, std::optional<hello> settled) : traffic_(traffic), hello_(settled) {}

  void read(std::span<const std::byte> bytes) {
    CBS all;
    CBS_init(&all, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    while (CBS_len(&all) >= 5 && !certificate_) {
      const std::span header(CBS_data(&all), 5);
      std::uint8_t type = 0;
      CBS body;
      if (!CBS_get_u8(&all, &type) || !CBS_skip(&all, 2) || !CBS_get_u16_length_prefixed(&all, &body)) return;
      take_record(type, header, {CBS_data(&body), CBS_len(&body)});
    }
  }

  const std::optional<hello>& seen_hello() const { return hello_; }
  const std::optional<std::vector<std::uint8_t>>& certificate_message() const { return certificate_; }

 private:
  void take_record(std::uint8_t type, std::span<const std::uint8_t> header, std::span<const std::uint8_t> body) {
    if (type == record_handshake) {
      messages_.insert(messages_.end(), body.begin(), body.end());
    } else if (type == record_application && hello_) {
      const auto s = suite_of(hello_->cipher);
      if (!s || traffic_.empty()) return;
      if (!opener_) opener_.emplace(*s, traffic_);
      if (const auto plain = opener_->open(header, body))
        messages_.insert(messages_.end(), plain->begin(), plain->end());
    }
    take_messages();
  }

  void take_messages() {
    for (;;) {
      CBS all, body;
      CBS_init(&all, messages_.data(), messages_.size());
      std::uint8_t type = 0;
      if (!CBS_get_u8(&all, &type) || !CBS_get_u24_length_prefixed(&all, &body)) return;
      if (type == message_server_hello) hello_ = parse_hello(body);
      if (type == message_certificate) certificate_.emplace(CBS_data(&body), CBS_data(&body) + CBS_len(&body));
      messages_.erase(messages_.begin(), messages_.end() - static_cast<std::ptrdiff_t>(CBS_len(&all)));
    }
  }

  const secret& traffic_;
  std::optional<hello> hello_;
  std::vector<std::uint8_t> messages_;
  std::optional<opener> opener_;
  std::optional<std::vector<std::uint8_t>> certificate_;
};

std::vector<certificate> parse_certificates(std::span<const std::uint8_t> message, bool is_tls13) {
  std::vector<certificate> chain;
  CBS body, context, list;
  CBS_init(&body, message.data(), message.size());
  if (is_tls13 && !CBS_get_u8_length_prefixed(&body, &context)) return chain;
  if (!CBS_get_u24_length_prefixed(&body, &list)) return chain;
  while (CBS_len(&list) > 0) {
    CBS der, extensions;
    if (!CBS_get_u24_length_prefixed(&list, &der)) return chain;
    if (is_tls13 && !CBS_get_u16_length_prefixed(&list, &extensions)) return chain;
    auto one = certificate::from_der({reinterpret_cast<const std::byte*>(CBS_data(&der)), CBS_len(&der)});
    if (!one) return chain;
    chain.push_back(std::move(*one));
  }
  return chain;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void flight_record::saw(std::span<const std::byte> bytes) {
  const auto room = most_kept - std::min(most_kept, bytes_.size());
  const auto some = bytes.first(std::min(room, bytes.size()));
  bytes_.insert(bytes_.end(), some.begin(), some.end());
}

// "LABEL client_random secret", in hexadecimal.
void flight_record::saw_secret(std::string_view line, std::string_view label) {
  if (!line.starts_with(label)) return;
  const auto last_space = line.rfind(' ');
  if (last_space == line.npos) return;
  const auto hex = line.substr(last_space + 1);
  std::array<std::byte, 64> raw;
  const auto size = std::min(hex.size() / 2, raw.size());
  for (std::size_t i = 0; i < size; ++i) {
    raw[i] = static_cast<std::byte>(hex_value(hex[2 * i]) * 16 + hex_value(hex[2 * i + 1]));
  }
  secret_ = secret(std::span<const std::byte>(raw).first(size));
  OPENSSL_cleanse(raw.data(), raw.size());
}

void flight_record::forget() noexcept {
  bytes_ = {};
  secret_ = secret();
}

std::vector<certificate> flight_record::certificates(std::optional<hello> settled) const {
  reader r(secret_, settled);
  r.read(bytes_);
  if (!r.certificate_message()) return {};
  return parse_certificates(*r.certificate_message(), r.seen_hello() && r.seen_hello()->version == version_tls13);
}

read_flight flight_record::messages(std::optional<hello> settled) const {
  return read_messages(bytes_, secret_, settled);
}

std::optional<hello> flight_record::server_hello() const {
  reader r(secret_, std::nullopt);
  r.read(bytes_);
  return r.seen_hello();
}

}  // namespace sluice::inline v0::internal
