// SPDX-License-Identifier: Apache-2.0
// Which form certificates and keys are in, recognized by the first bytes and never by a file's name.
#pragma once

#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

enum class encoding {
  pem,              // or any text at all
  certificate,      // X.509 (RFC 5280)
  pkcs8,            // PrivateKeyInfo (RFC 5208, RFC 5958)
  encrypted_pkcs8,  // EncryptedPrivateKeyInfo
  pkcs1,            // RSAPrivateKey (RFC 8017)
  sec1,             // ECPrivateKey (RFC 5915)
  pkcs12,           // PFX (RFC 7292), in BER
  unknown_der,      // it begins as DER does, and is none of these, or damaged
};

encoding encoding_of(std::string_view bytes) noexcept;

// The label that PEM has for a private key of that form; empty for what is none.
std::string_view private_key_label(encoding form) noexcept;

}  // namespace internal
}  // namespace v0
}  // namespace sluice
