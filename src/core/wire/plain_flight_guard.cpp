// SPDX-License-Identifier: Apache-2.0
#include "core/wire/plain_flight_guard.hpp"

#include "core/wire/flight_reader.hpp"
#include "core/wire/numbers.hpp"

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using namespace wire;

constexpr std::size_t max_hello = 64 * 1024;  // s2n takes no longer message

}  // namespace

std::string_view plain_flight_guard::refuses(std::span<const std::byte> arrived) {
  while (!arrived.empty()) {
    const bool is_first = record_.count() == 0;  // which has rules of its own: is_tls_so_far()
    const auto part = record_.take(arrived);
    const auto type = record_.type();
    if (!part.is_body) {
      if (!is_first && (type < record_change_cipher_spec || type > record_application_data)) {
        return "a record of a type that TLS does not have";
      }
      // The type is checked from its first byte on; a record begins only with its whole header.
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
  if (record_.type() != record_change_cipher_spec) return {};
  if (is_inside_message()) return "a ChangeCipherSpec inside a handshake message";
  if (version_ == version::older) end();
  return {};
}

std::string_view plain_flight_guard::take_messages(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (!is_inside_message()) {
      const auto wrong = begin_message(std::to_integer<std::uint8_t>(bytes.front()));
      if (!wrong.empty()) return wrong;
    }
    const auto part = message_.take(bytes);
    if (part.begins) {
      if (const auto wrong = begin_body(); !wrong.empty()) return wrong;
    }
    if (part.is_body && message_.type() == message_server_hello) {
      const auto* data = reinterpret_cast<const std::uint8_t*>(part.bytes.data());
      hello_.insert(hello_.end(), data, data + part.bytes.size());
    }
    if (part.ends) end_message();
  }
  return {};
}

// May a message begin behind the last one that ended in this record?
std::string_view plain_flight_guard::begin_message(std::uint8_t type) const noexcept {
  switch (ended_) {
    case message_client_hello: return "more in the record in which ClientHello ended";
    case message_server_hello:
      if (version_ != version::tls13) return {};
      return "more in the record in which ServerHello ended";
    case message_new_session_ticket: return "more in the record in which NewSessionTicket ended";
    case message_server_hello_done: return "more in the record in which ServerHelloDone ended";
    case message_certificate_verify: return "more in the record in which CertificateVerify ended";
    case message_client_key_exchange:
      if (type == message_certificate_verify && has_certificate_) return {};
      return "more in the record in which ClientKeyExchange ended";
    default: return {};
  }
}

std::string_view plain_flight_guard::begin_body() {
  const bool is_hello = message_.type() == message_server_hello;
  if (is_hello && message_.size() > max_hello) return "a ServerHello that is longer than any";
  // A list of no certificates has its length alone.
  if (message_.type() == message_certificate && is_server_) has_certificate_ = message_.size() > 3;
  return {};
}

void plain_flight_guard::end_message() {
  ended_ = message_.type();
  if (ended_ != message_server_hello || is_server_) return;
  // A hello that cannot be read settles nothing worse than the older version, for which more is allowed; s2n rejects
  // the hello itself.
  const auto hello = read_server_hello(hello_);
  settle(hello && hello->is_tls13());
  hello_ = {};
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
