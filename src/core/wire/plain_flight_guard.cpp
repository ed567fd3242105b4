// SPDX-License-Identifier: Apache-2.0
#include "core/wire/plain_flight_guard.hpp"

#include "core/wire/flight_reader.hpp"

#include <algorithm>

namespace sluice::inline v0::internal {
namespace {

constexpr std::uint8_t record_cipher_change = 20, record_handshake = 22, record_application = 23;  // RFC 8446 §5.1
constexpr std::uint8_t new_session_ticket = 4, server_hello_done = 14, certificate_verify = 15,
                       client_key_exchange = 16;
constexpr std::size_t max_hello = 64 * 1024;  // s2n takes no longer message

constexpr std::uint16_t tls13_code = 0x0304;

}  // namespace

std::string_view plain_flight_guard::refuses(std::span<const std::byte> arrived) {
  while (!arrived.empty()) {
    const bool is_first = cursor_.records() == 0;  // which has rules of its own: is_tls_so_far()
    const auto part = cursor_.take(arrived);
    const auto type = cursor_.type();
    if (!part.is_body) {
      if (!is_first && (type < record_cipher_change || type > record_application)) {
        return "a record of a type that TLS does not have";
      }
      if (!part.begins || !follows_) continue;
      if (const auto wrong = begin_record(); !wrong.empty()) return wrong;
    } else if (follows_ && type == record_handshake) {
      if (const auto wrong = take_messages(part.bytes); !wrong.empty()) return wrong;
    }
  }
  return {};
}

void plain_flight_guard::end() noexcept {
  follows_ = false;
  hello_ = {};
}

// In TLS 1.3 a ChangeCipherSpec means nothing, and a hello may come after it (RFC 8446 Appendix D.4). Before TLS 1.3
// all that follows it is sealed.
std::string_view plain_flight_guard::begin_record() {
  ended_ = no_message;
  if (cursor_.type() != record_cipher_change) return {};
  if (is_inside_message()) return "a ChangeCipherSpec inside a handshake message";
  if (version_ == version::older) end();
  return {};
}

std::string_view plain_flight_guard::take_messages(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (header_size_ < header_.size()) {
      if (header_size_ == 0) {
        const auto wrong = begin_message(std::to_integer<std::uint8_t>(bytes.front()));
        if (!wrong.empty()) return wrong;
      }
      header_[header_size_++] = bytes.front();
      bytes = bytes.subspan(1);
      if (header_size_ < header_.size()) continue;
      if (const auto wrong = begin_body(); !wrong.empty()) return wrong;
    } else {
      const auto body = bytes.first(std::min(left_, bytes.size()));
      bytes = bytes.subspan(body.size());
      left_ -= body.size();
      if (header_[0] == std::byte{type_server_hello}) {
        const auto* data = reinterpret_cast<const std::uint8_t*>(body.data());
        hello_.insert(hello_.end(), data, data + body.size());
      }
    }
    if (left_ == 0) end_message();
  }
  return {};
}

// May a message begin behind the last one that ended in this record?
std::string_view plain_flight_guard::begin_message(std::uint8_t type) const noexcept {
  switch (ended_) {
    case type_client_hello: return "more in the record in which ClientHello ended";
    case type_server_hello:
      if (version_ != version::tls13) return {};
      return "more in the record in which ServerHello ended";
    case new_session_ticket: return "more in the record in which NewSessionTicket ended";
    case server_hello_done: return "more in the record in which ServerHelloDone ended";
    case certificate_verify: return "more in the record in which CertificateVerify ended";
    case client_key_exchange:
      if (type == certificate_verify && has_certificate_) return {};
      return "more in the record in which ClientKeyExchange ended";
    default: return {};
  }
}

std::string_view plain_flight_guard::begin_body() {
  const auto at = [this](std::size_t i) { return std::to_integer<std::size_t>(header_[i]); };
  left_ = at(1) << 16 | at(2) << 8 | at(3);
  if (at(0) == type_server_hello && left_ > max_hello) return "a ServerHello that is longer than any";
  // A list of no certificates has its length alone.
  if (at(0) == type_certificate && is_server_) has_certificate_ = left_ > 3;
  return {};
}

void plain_flight_guard::end_message() {
  ended_ = std::to_integer<std::uint8_t>(header_[0]);
  header_size_ = 0;
  if (ended_ != type_server_hello || is_server_) return;
  const auto hello = read_server_hello(hello_);
  settle(hello && hello->version == tls13_code);
  hello_ = {};
}

}  // namespace sluice::inline v0::internal
