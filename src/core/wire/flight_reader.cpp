// SPDX-License-Identifier: Apache-2.0
#include "core/wire/flight_reader.hpp"

#include "core/wire/record_opener.hpp"

#include <openssl/bytestring.h>

#include <algorithm>

namespace sluice::inline v0::internal {
namespace {

constexpr std::uint8_t record_cipher_change = 20, record_handshake = 22, record_application = 23;  // RFC 8446 §5.1
constexpr std::uint16_t extension_supported_versions = 43;
constexpr std::size_t header_size = 4;         // of a message: type and length
constexpr std::size_t finished_size_tls12 = 12;  // RFC 5246 §7.4.9

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
      if (!opener_) opener_ = record_opener::make(settled->cipher, traffic_);
      if (!opener_) return;
      const auto opened = opener_->open(header, body);
      if (opened && opened->type == record_handshake)
        rest_.insert(rest_.end(), opened->plain.begin(), opened->plain.end());
    }
    take_messages();
  }

  void take_messages() {
    for (;;) {
      CBS all, body;
      CBS_init(&all, rest_.data(), rest_.size());
      std::uint8_t type = 0;
      std::uint32_t size = 0;
      const bool has_header = CBS_get_u8(&all, &type) == 1 && CBS_get_u24(&all, &size) == 1;
      flight_.unfinished_type = type;
      flight_.unfinished_size = has_header ? size : 0;
      if (!has_header || !CBS_get_bytes(&all, &body, size)) return;
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
  std::optional<record_opener> opener_;
  std::size_t passed_ = 0;
  bool is_enciphered_ = false;  // TLS 1.2, after ChangeCipherSpec
};

}  // namespace

std::optional<hello> read_server_hello(std::span<const std::uint8_t> body) {
  CBS bytes;
  CBS_init(&bytes, body.data(), body.size());
  return parse_hello(bytes);
}

const read_message* read_flight::find(std::uint8_t type) const noexcept {
  const auto found = std::ranges::find(messages, type, &read_message::type);
  return found != messages.end() ? &*found : nullptr;
}

read_flight read_messages(std::span<const std::byte> bytes, const secret& traffic, std::optional<hello> settled) {
  return reader(traffic, settled).read(bytes);
}

}  // namespace sluice::inline v0::internal
