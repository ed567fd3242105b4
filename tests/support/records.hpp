// SPDX-License-Identifier: Apache-2.0
// What is on the wire: TLS records, alerts and the extensions of a ClientHello, read byte by byte.
#pragma once

#include "support/pair.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

inline constexpr std::uint8_t alert_record = 21;
inline constexpr std::uint8_t handshake_record = 22;
inline constexpr std::uint8_t data_record = 23;

struct tls_record {
  std::uint8_t type = 0;
  std::string body;
};

std::string text_of(const wire& w);
void put(wire& w, std::string_view bytes);
std::vector<tls_record> records_of(std::string_view bytes);
inline std::vector<tls_record> records_of(const wire& w) { return records_of(text_of(w)); }

// A plaintext alert, as a peer without keys would send it.
std::string alert_bytes(std::uint8_t description, std::uint8_t level = 2);

// The body of an extension of the ClientHello that `bytes` begin with, if it is there.
std::optional<std::string> client_hello_extension(std::string_view bytes, std::uint16_t id);

inline constexpr std::uint16_t server_name_extension = 0;
inline constexpr std::uint16_t status_request_extension = 5;
inline constexpr std::uint16_t alpn_extension = 16;

}  // namespace sluice::test
