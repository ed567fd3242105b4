// SPDX-License-Identifier: Apache-2.0
// PKCS#11 URIs (RFC 7512): which module, which token, which object, and where the PIN is.
#pragma once

#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0::pkcs11 {

// "pkcs11:token=web;object=site?module-name=softhsm2&pin-source=file:/run/pin", taken apart. Attributes that are
// absent match anything.
struct uri {
  std::optional<std::string> token, manufacturer, model, serial;
  std::optional<std::uint64_t> slot_id;
  std::optional<std::string> object;          // CKA_LABEL
  std::optional<std::vector<std::byte>> id;   // CKA_ID
  std::optional<std::string> type;            // "private", "cert", "public"
  std::string module_path, module_name, pin_source;
  secret pin_value;  // for programs only; the command line refuses it

  // errc::bad_uri says what is wrong. An attribute the RFC does not know is an error, not a wildcard.
  static result<uri> parse(std::string_view text);

  uri() = default;
  uri(uri&&) noexcept = default;
  uri& operator=(uri&&) noexcept = default;
  uri clone() const;  // without the PIN

  // Ready to paste: percent-encoded, without a PIN.
  std::string to_string() const;
  std::string token_string() const;  // the token's part alone
};

}  // namespace sluice::inline v0::pkcs11
