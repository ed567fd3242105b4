// SPDX-License-Identifier: Apache-2.0
#include "core/recorder.hpp"

#include "core/x509/certificate_parts.hpp"

#include <openssl/bytestring.h>

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using namespace wire;

std::vector<std::string> parse_names(CBS list) {
  std::vector<std::string> names;
  while (CBS_len(&list) > 0) {
    CBS name;
    if (!CBS_get_u16_length_prefixed(&list, &name)) break;
    names.push_back(name_of_der({reinterpret_cast<const std::byte*>(CBS_data(&name)), CBS_len(&name)}));
  }
  return names;
}

std::optional<certificate_request> parse_request(std::span<const std::uint8_t> message, bool is_tls13) {
  certificate_request made;
  CBS body, skipped, list;
  CBS_init(&body, message.data(), message.size());
  if (!is_tls13) {  // types, signature algorithms, names
    if (!CBS_get_u8_length_prefixed(&body, &skipped) || !CBS_get_u16_length_prefixed(&body, &skipped) ||
        !CBS_get_u16_length_prefixed(&body, &list)) {
      return std::nullopt;
    }
    made.authorities = parse_names(list);
    return made;
  }
  CBS extensions;
  if (!CBS_get_u8_length_prefixed(&body, &skipped) || !CBS_get_u16_length_prefixed(&body, &extensions)) {
    return std::nullopt;
  }
  while (CBS_len(&extensions) > 0) {
    std::uint16_t type = 0;
    CBS value;
    if (!CBS_get_u16(&extensions, &type) || !CBS_get_u16_length_prefixed(&extensions, &value)) break;
    if (type == ext_certificate_authorities && CBS_get_u16_length_prefixed(&value, &list))
      made.authorities = parse_names(list);
  }
  return made;
}

}  // namespace

void handshake_recorder::direction::saw(std::span<const std::byte> bytes) {
  record.saw(bytes);
  size += bytes.size();
  passed.emplace_back(size, std::chrono::steady_clock::now());
}

handshake_recorder::time_point handshake_recorder::direction::when(std::size_t end) const noexcept {
  const auto found = std::ranges::lower_bound(passed, end, {}, [](const auto& mark) { return mark.first; });
  return found != passed.end() ? found->second : time_point{};
}

void handshake_recorder::key_is_asked() noexcept {
  if (key_asked_ == time_point{}) key_asked_ = std::chrono::steady_clock::now();
}

void handshake_recorder::saw_secrets(const traffic_secret& of_client, const traffic_secret& of_server) noexcept {
  ours_.record.saw_secret(is_server_ ? of_server : of_client);
  theirs_.record.saw_secret(is_server_ ? of_client : of_server);
}

void handshake_recorder::add_messages(handshake_transcript& to, const read_flight& flight, const direction& d,
                                      time_point began) const {
  for (const auto& one : flight.messages) {
    handshake_message made;
    made.type = one.type;
    made.is_ours = &d == &ours_;
    made.size = one.size;
    made.at = d.when(one.end) - began;
    to.messages.push_back(made);
    if (one.type != message_client_hello) continue;
    const auto* first = reinterpret_cast<const std::byte*>(one.body.data());
    to.client_hello.assign(first, first + one.body.size());
  }
}

handshake_transcript handshake_recorder::view(time_point began) const {
  handshake_transcript made;
  const auto& server = is_server_ ? ours_ : theirs_;
  const auto& client = is_server_ ? theirs_ : ours_;
  const auto from_server = server.record.messages();
  const auto from_client = client.record.messages(from_server.settled);
  add_messages(made, from_client, client, began);
  add_messages(made, from_server, server, began);
  std::ranges::stable_sort(made.messages, {}, &handshake_message::at);
  made.certificates = theirs_.record.certificates(from_server.settled);
  if (const auto* request = from_server.find(message_certificate_request)) {
    made.request = parse_request(request->body, from_server.is_tls13());
  }
  if (verified_ > began) made.verified = verified_ - began;
  if (key_asked_ > began) made.key_asked = key_asked_ - began;
  return made;
}

}  // namespace internal

std::string_view handshake_message_name(std::uint8_t type) noexcept {
  using namespace internal::wire;
  switch (type) {
    case message_hello_request: return "HelloRequest";
    case message_client_hello: return "ClientHello";
    case message_server_hello: return "ServerHello";
    case message_new_session_ticket: return "NewSessionTicket";
    case message_end_of_early_data: return "EndOfEarlyData";
    case message_encrypted_extensions: return "EncryptedExtensions";
    case message_certificate: return "Certificate";
    case message_server_key_exchange: return "ServerKeyExchange";
    case message_certificate_request: return "CertificateRequest";
    case message_server_hello_done: return "ServerHelloDone";
    case message_certificate_verify: return "CertificateVerify";
    case message_client_key_exchange: return "ClientKeyExchange";
    case message_finished: return "Finished";
    case message_certificate_status: return "CertificateStatus";
    case message_key_update: return "KeyUpdate";
    default: return "unknown";
  }
}

const handshake_message* handshake_transcript::find(std::uint8_t type, bool is_ours) const noexcept {
  const auto found = std::ranges::find_if(
      messages, [&](const handshake_message& one) { return one.type == type && one.is_ours == is_ours; });
  return found != messages.end() ? &*found : nullptr;
}

}  // namespace v0
}  // namespace sluice
