// SPDX-License-Identifier: Apache-2.0
#include "core/flight.hpp"

#include "core/flight_reader.hpp"
#include "core/record_opener.hpp"

#include <openssl/bytestring.h>

#include <algorithm>
#include <optional>

namespace sluice::inline v0::internal {
namespace {

constexpr std::size_t most_kept = 128 * 1024;
constexpr std::uint8_t record_handshake = 22, record_application = 23;                     // RFC 8446 §5.1
constexpr std::uint8_t message_server_hello = 2, message_certificate = 11;                 // §4
constexpr std::uint16_t extension_supported_versions = 43, version_tls13 = 0x0304;

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
      if (!opener_) opener_ = record_opener::make(hello_->cipher, traffic_);
      if (!opener_) return;
      const auto opened = opener_->open(header, body);
      if (opened && opened->type == record_handshake)
        messages_.insert(messages_.end(), opened->plain.begin(), opened->plain.end());
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
  std::optional<record_opener> opener_;
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

}  // namespace

void flight_record::saw(std::span<const std::byte> bytes) {
  const auto room = most_kept - std::min(most_kept, bytes_.size());
  const auto some = bytes.first(std::min(room, bytes.size()));
  bytes_.insert(bytes_.end(), some.begin(), some.end());
}

void flight_record::saw_secret(std::string_view line, std::string_view label) {
  if (auto found = key_log_secret(line, label)) secret_ = std::move(*found);
}

void flight_record::forget() noexcept {
  bytes_ = {};
  secret_ = secret();
}

std::optional<hello> read_server_hello(std::span<const std::uint8_t> body) {
  CBS bytes;
  CBS_init(&bytes, body.data(), body.size());
  return parse_hello(bytes);
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
