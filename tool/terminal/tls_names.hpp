// SPDX-License-Identifier: Apache-2.0
// The names of TLS's numbers, as IANA's registries have them ("Transport Layer Security (TLS) Parameters").
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::tool {

// Each "unknown" for what is in no table of ours; "GREASE" for the values of RFC 8701, which mean nothing.
std::string_view version_name(std::uint16_t code);
std::string_view cipher_suite_name(std::uint16_t code);
std::string_view group_name(std::uint16_t code);
std::string_view signature_scheme_name(std::uint16_t code);
std::string_view extension_name(std::uint16_t code);
std::string_view handshake_type_name(std::uint8_t type);

}  // namespace sluice::tool
