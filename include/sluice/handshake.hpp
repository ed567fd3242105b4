// SPDX-License-Identifier: Apache-2.0
// The transcript of a handshake, for tools that display it.
#pragma once

#include "sluice/certificate.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {

// One message of a handshake, without its contents.
struct handshake_message {
  std::uint8_t type = 0;          // RFC 8446 §4, RFC 5246 §7.4: 1 is ClientHello
  bool is_ours = false;           // this end sent it
  std::size_t size = 0;           // in bytes, with its header of four, before encryption
  std::chrono::nanoseconds at{};  // since the handshake began: passed to the transport, or received whole
};
std::string_view handshake_message_name(std::uint8_t type) noexcept;  // "ServerHello"; "unknown" if unassigned

// A server's requirements of a client certificate (RFC 8446 §4.3.2, RFC 5246 §7.4.4).
struct certificate_request {
  std::vector<std::string> authorities;  // the names of accepted issuers, "CN=Example CA"; empty: not specified
};

// It is recorded if the context's options have record_transcript, and is complete when the handshake has ended, with or
// without success. Nothing in it has been verified: only the connection reports the result of verification. A copy
// refers to nothing outside itself.
struct handshake_transcript {
  std::vector<handshake_message> messages;     // in the order of time, without those that cannot be decrypted or parsed
  std::vector<std::byte> client_hello;         // the last ClientHello, without its header
  std::vector<certificate> certificates;       // the peer's, as it sent them, leaf first
  std::optional<certificate_request> request;  // empty if the server requested no certificate
  std::chrono::nanoseconds verified{};         // since the handshake began: the chain was verified; zero: never
  std::chrono::nanoseconds key_asked{};        // since the handshake began: our private key was called; zero: never

  // Returns the first message of that type from that end, or null.
  const handshake_message* find(std::uint8_t type, bool is_ours) const noexcept;
};

}  // namespace v0
}  // namespace sluice
