// SPDX-License-Identifier: Apache-2.0
#include "core/wire/flight_reader.hpp"

#include "core/wire/framer.hpp"
#include "core/wire/record_opener.hpp"

#include <openssl/bytestring.h>

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using namespace wire;

constexpr std::size_t finished_size_tls12 = 12;  // RFC 5246 §7.4.9

// Follows one direction through three states: in the clear; in TLS 1.2 enciphered after ChangeCipherSpec, where the
// next handshake record is Finished, whatever it looks like; in TLS 1.3 sealed, with the one secret that was given. The
// application's keys are not known here, so what comes under them is passed over.
class reader {
 public:
  reader(const traffic_secret& traffic, std::optional<hello> settled) : traffic_(traffic) { flight_.settled = settled; }

  read_flight read(std::span<const std::byte> bytes) {
    const auto size = bytes.size();
    while (records_.take(bytes)) {
      passed_ = size - bytes.size();
      take_record();
    }
    if (const auto& last = messages_.current(); !last.is_between()) {
      flight_.unfinished_type = last.type();
      flight_.unfinished_size = last.size();
    }
    return std::move(flight_);
  }

 private:
  void take_record() {
    const auto& settled = flight_.settled;
    const auto type = records_.current().type();
    // In TLS 1.3 it means nothing (RFC 8446 Appendix D.4).
    if (type == record_change_cipher_spec) {
      is_enciphered_ = settled && !flight_.is_tls13();
    } else if (type == record_handshake && is_enciphered_) {
      add(message_finished, {}, message_header_size + finished_size_tls12);
    } else if (type == record_handshake) {
      take_messages(records_.body());
    } else if (type == record_application_data && settled) {
      if (!opener_) opener_ = record_opener::make(settled->cipher, traffic_);
      const auto opened = opener_ ? opener_->open(records_.header(), records_.body()) : std::nullopt;
      if (opened && opened->type == record_handshake) take_messages(opened->plain);
    }
  }

  void take_messages(std::span<const std::uint8_t> content) {
    for (auto bytes = std::as_bytes(content); messages_.take(bytes);) {
      const auto type = messages_.current().type();
      if (type == message_server_hello) flight_.settled = read_server_hello(messages_.body());
      add(type, messages_.body(), messages_.whole().size());
    }
  }

  void add(std::uint8_t type, std::span<const std::uint8_t> body, std::size_t size) {
    flight_.messages.push_back({.type = type, .size = size, .body = {body.begin(), body.end()}, .end = passed_});
  }

  const traffic_secret& traffic_;
  read_flight flight_;
  frame_collector records_{framer::frame::record}, messages_{framer::frame::message};
  std::optional<record_opener> opener_;
  std::size_t passed_ = 0;
  bool is_enciphered_ = false;  // TLS 1.2, after ChangeCipherSpec
};

}  // namespace

// ServerHello (RFC 8446 §4.1.3), HelloRetryRequest included.
std::optional<hello> read_server_hello(std::span<const std::uint8_t> bytes) {
  hello h;
  CBS body, session, extensions;
  CBS_init(&body, bytes.data(), bytes.size());
  if (!CBS_get_u16(&body, &h.version) || !CBS_skip(&body, 32) || !CBS_get_u8_length_prefixed(&body, &session) ||
      !CBS_get_u16(&body, &h.cipher) || !CBS_skip(&body, 1)) {
    return std::nullopt;
  }
  if (CBS_len(&body) == 0 || !CBS_get_u16_length_prefixed(&body, &extensions)) return h;
  while (CBS_len(&extensions) > 0) {
    std::uint16_t type = 0;
    CBS value;
    if (!CBS_get_u16(&extensions, &type) || !CBS_get_u16_length_prefixed(&extensions, &value)) break;
    if (type == ext_supported_versions) CBS_get_u16(&value, &h.version);
  }
  return h;
}

const read_message* read_flight::find(std::uint8_t type) const noexcept {
  const auto found = std::ranges::find(messages, type, &read_message::type);
  return found != messages.end() ? &*found : nullptr;
}

read_flight read_messages(std::span<const std::byte> bytes, const traffic_secret& traffic,
                          std::optional<hello> settled) {
  return reader(traffic, settled).read(bytes);
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
