// SPDX-License-Identifier: Apache-2.0
// What passed in one handshake, for tools that show it to people.
#pragma once

#include "sluice/certificate.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

struct handshake_message {
  std::uint8_t type = 0;          // RFC 8446 §4, RFC 5246 §7.4: 1 is ClientHello
  bool is_ours = false;           // sent by this end
  std::size_t size = 0;           // in bytes, with its header of four, before encryption
  std::chrono::nanoseconds at{};  // since the handshake began: handed to the transport, or arrived whole
};
std::string_view handshake_message_name(std::uint8_t type) noexcept;  // "ServerHello"; "unknown" if unassigned

// What a server asks of a client's certificate (RFC 8446 §4.3.2, RFC 5246 §7.4.4).
struct certificate_request {
  std::vector<std::string> authorities;  // names it accepts issuers of, "CN=Example CA"; empty: it does not say
};

// Kept where the context's options say record_transcript, and complete when the handshake has ended, well or badly.
// Nothing in it was proven: the verdict is the connection's. A copy refers to nothing outside itself.
struct handshake_transcript {
  std::vector<handshake_message> messages;     // in the order of time; what cannot be read is left out
  std::vector<std::byte> client_hello;         // the last one, without its header
  std::vector<certificate> certificates;       // the peer's, as it sent them, leaf first
  std::optional<certificate_request> request;  // nothing when the server asked for no certificate
  std::chrono::nanoseconds verified{};         // since the handshake began: the chain was good; zero: it never was
  std::chrono::nanoseconds key_asked{};        // since the handshake began: our private key was; zero: it never was

  // The first of its type from that end; null when there is none.
  const handshake_message* find(std::uint8_t type, bool is_ours) const noexcept;
};

}  // namespace sluice::inline v0
