// SPDX-License-Identifier: Apache-2.0
// Reads the handshake messages out of one direction's records. For showing and diagnosis; nothing is decided by it.
#pragma once

#include "core/wire/numbers.hpp"
#include "core/wire/traffic_secret.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// What a ServerHello settles. A server, which sends it, knows it from elsewhere.
struct hello {
  std::uint16_t version = 0;  // the code point of the highest both spoke of
  std::uint16_t cipher = 0;
  bool is_tls13() const noexcept { return version == wire::version_tls13; }
};

// The body of a ServerHello or HelloRetryRequest (RFC 8446 §4.1.3); nothing where it is not one.
std::optional<hello> read_server_hello(std::span<const std::uint8_t> body);

struct read_message {
  std::uint8_t type = 0;
  std::size_t size = 0;            // with its header of four bytes
  std::vector<std::uint8_t> body;  // empty for TLS 1.2's Finished, which is enciphered
  std::size_t end = 0;             // how many of the direction's bytes had to pass for it to be whole
};

struct read_flight {
  std::optional<hello> settled;  // the hello that counts: given, or read
  bool is_tls13() const noexcept { return settled && settled->is_tls13(); }
  std::vector<read_message> messages;
  std::uint8_t unfinished_type = 0;  // of the message that is not whole, and
  std::size_t unfinished_size = 0;   // how long its body is said to be; 0 where there is none
  const read_message* find(std::uint8_t type) const noexcept;
};

// `traffic` is the sender's handshake traffic secret, for TLS 1.3; records that it does not open are passed over.
read_flight read_messages(std::span<const std::byte> bytes, const traffic_secret& traffic,
                          std::optional<hello> settled);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
