// SPDX-License-Identifier: Apache-2.0
// What must be refused in the hellos and extensions of a peer, and s2n takes.
#pragma once

#include "core/wire/flight_reader.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

struct breach {
  std::uint8_t alert = 0;  // RFC 8446 §6.2
  std::string detail;      // "it sent the extension 23 in EncryptedExtensions, where it is not allowed"
  std::string remedy;
};

// For clients, of whose own flight the ClientHello counts: extensions that were not asked for, are not allowed where
// they stand, or come twice (RFC 8446 §4.2); an ALPN protocol that was not offered (RFC 7301 §3.2); a random that says
// that the server could do better (RFC 8446 §4.1.3).
// `is_whole`: all of the server's flight is there.
std::optional<breach> breach_of_server(const read_flight& ours, const read_flight& theirs, bool is_whole = true);

// For servers: what the extensions of a ClientHello say.
struct client_extensions {
  std::optional<breach> fault;    // one comes twice, or ALPN is malformed
  std::vector<std::string> alpn;  // empty: not offered
  bool lists_versions = false;    // supported_versions is there
};
client_extensions read_client_extensions(std::span<const std::uint8_t> block);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
