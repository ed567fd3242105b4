// SPDX-License-Identifier: Apache-2.0
#include "core/flight.hpp"

#include <openssl/bytestring.h>

#include <algorithm>
#include <optional>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

constexpr std::size_t max_kept = 128 * 1024;

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
  const auto room = max_kept - std::min(max_kept, bytes_.size());
  const auto some = bytes.first(std::min(room, bytes.size()));
  bytes_.insert(bytes_.end(), some.begin(), some.end());
}

void flight_record::forget() noexcept {
  bytes_ = {};
  secret_ = traffic_secret();
}

std::vector<certificate> flight_record::certificates(std::optional<hello> settled) const {
  const auto flight = messages(settled);
  const auto* found = flight.find(wire::message_certificate);
  return found == nullptr ? std::vector<certificate>() : parse_certificates(found->body, flight.is_tls13());
}

read_flight flight_record::messages(std::optional<hello> settled) const {
  return read_messages(bytes_, secret_, settled);
}

std::optional<hello> flight_record::server_hello() const { return messages().settled; }

}  // namespace internal
}  // namespace v0
}  // namespace sluice
