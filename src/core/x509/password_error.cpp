// SPDX-License-Identifier: Apache-2.0
#include "core/x509/password_error.hpp"

#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace internal {

failure password_needed(const std::string& where, const std::string& detail) {
  return make_failure(errc::password_needed, where, detail,
                      "give its password, or an unencrypted copy (`openssl pkey` writes one)");
}

failure wrong_password(const std::string& where, const std::string& detail) {
  return make_failure(errc::wrong_password, where, detail, "give the password it was encrypted with");
}

failure unsupported_encryption(const std::string& where) {
  return make_failure(errc::unsupported_key, where, "it is encrypted in a way that AWS-LC does not know",
                      "encrypt it again with PBES2, AES and HMAC-SHA-256: `openssl pkcs8 -topk8 -v2 aes-256-cbc`, "
                      "or `openssl pkcs12 -export`");
}

unlock_error take_unlock_error() {
  constexpr std::array algorithms = {PKCS8_R_UNKNOWN_ALGORITHM,
                                     PKCS8_R_UNKNOWN_CIPHER,
                                     PKCS8_R_UNKNOWN_CIPHER_ALGORITHM,
                                     PKCS8_R_UNKNOWN_DIGEST,
                                     PKCS8_R_UNKNOWN_HASH,
                                     PKCS8_R_UNSUPPORTED_KEYLENGTH,
                                     PKCS8_R_UNSUPPORTED_SALT_TYPE,
                                     PKCS8_R_UNSUPPORTED_CIPHER,
                                     PKCS8_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION,
                                     PKCS8_R_UNSUPPORTED_PRF,
                                     PKCS8_R_PKCS12_PUBLIC_KEY_INTEGRITY_NOT_SUPPORTED};
  auto found = unlock_error::other;
  while (const auto packed = ERR_get_error()) {
    const int library = ERR_GET_LIB(packed), reason = ERR_GET_REASON(packed);
    const bool is_pkcs = library == ERR_LIB_PKCS8 || library == ERR_LIB_PKCS12;
    if (is_pkcs && (reason == PKCS8_R_INCORRECT_PASSWORD || reason == PKCS8_R_INVALID_CHARACTERS)) {
      found = unlock_error::password;
    } else if ((is_pkcs && std::ranges::find(algorithms, reason) != algorithms.end()) ||
               (library == ERR_LIB_DIGEST && reason == DIGEST_R_UNKNOWN_HASH) ||
               (library == ERR_LIB_PEM && reason == PEM_R_UNSUPPORTED_ENCRYPTION)) {
      found = unlock_error::algorithm;
    }
  }
  return found;
}

result<secret> ask_password(const password_source& source, const std::string& where) {
  if (!source) return secret();
  return source({.where = where});
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
