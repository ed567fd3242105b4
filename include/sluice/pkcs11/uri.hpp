// SPDX-License-Identifier: Apache-2.0
// PKCS#11 URIs (RFC 7512), which identify a module, a token, an object and the source of the PIN.
#pragma once

#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// The attributes of "pkcs11:token=web;object=site?module-name=softhsm2&pin-source=file:/run/pin". An attribute that is
// absent matches anything; all that are given must match.
struct uri {
  std::optional<std::string> token, manufacturer, model, serial;         // of the token; `token` is its label
  std::optional<std::string> library_manufacturer, library_description;  // of C_GetInfo
  std::optional<std::string> library_version;                            // "2.6"; "2" is read as "2.0"
  std::optional<std::string> slot_manufacturer, slot_description;        // of C_GetSlotInfo
  std::optional<std::uint64_t> slot_id;              // CK_SLOT_ID: it may change when tokens are plugged in
  std::optional<std::string> object;                 // CKA_LABEL
  std::optional<std::vector<std::byte>> id;          // CKA_ID
  std::optional<std::string> type;                   // "private", "cert", "public", "secret-key", "data"
  std::string module_path, module_name, pin_source;  // the part after "?"; empty if absent
  secret pin_value;                                  // for programs only; the command line rejects it

  // Parses a URI. errc::bad_uri names the fault, without values that may be a PIN. These are errors: an attribute that
  // RFC 7512 does not define, or defines for the other part of the URI; an attribute that is given twice; a value that
  // no token can have (a label of more than 32 bytes); and spaces, which must be written %20.
  static result<uri> parse(std::string_view text);

  uri() = default;
  uri(uri&&) noexcept = default;
  uri& operator=(uri&&) noexcept = default;
  uri clone() const;  // without the PIN

  // Returns the URI, percent-encoded, without a PIN.
  std::string to_string() const;
  std::string token_string() const;  // the attributes of the token only
};

// Returns the id that was probably meant: "id=85" is the two characters 8 and 5, not the byte 0x85, which is written
// "id=%85". The result is empty unless the whole id is hexadecimal digits.
std::optional<std::vector<std::byte>> id_read_as_hexadecimal(std::span<const std::byte> id);

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
