// SPDX-License-Identifier: Apache-2.0
// The PKCS#11 v2.40 interface, and its return values as failures.
#pragma once

#include "sluice/result.hpp"

#include <p11-kit/pkcs11.h>

#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// The layouts every module is compiled against (PKCS#11 v2.40, Linux LP64). A header that packs them otherwise
// would corrupt memory in silence.
static_assert(sizeof(CK_VERSION) == 2);
static_assert(sizeof(CK_INFO) == 88);
static_assert(sizeof(CK_TOKEN_INFO) == 208);
static_assert(sizeof(CK_ATTRIBUTE) == 24);
static_assert(sizeof(CK_MECHANISM) == 24);
static_assert(sizeof(CK_C_INITIALIZE_ARGS) == 48);
static_assert(sizeof(CK_FUNCTION_LIST) == 552);

// Fixed-width fields are padded with blanks, not ended by NUL; some tokens pad with NULs all the same.
template <std::size_t N>
std::string padded_text(const unsigned char (&field)[N]) {
  std::string_view text(reinterpret_cast<const char*>(field), N);
  const auto last = text.find_last_not_of(std::string_view(" \0", 2));
  return std::string(text.substr(0, last == text.npos ? 0 : last + 1));
}

error_code ckr_code(CK_RV rv) noexcept;  // of pkcs11_category
std::string ckr_text(CK_RV rv);
// What a token, a module or a file wrote in the detail or the remedy is escaped here (printable.hpp).
failure ckr_failure(CK_RV rv, std::string_view where, std::string_view detail = {});
// Of C_Initialize: mostly the module's own configuration, or the service behind it.
failure initialize_failure(CK_RV rv, const std::string& path, bool has_parameters);

// What went wrong in a way that another try, a new session or another token may mend.
bool is_session_lost(CK_RV rv);
bool is_handle_lost(CK_RV rv);
bool is_token_down(CK_RV rv);

// What went wrong by the request itself, answered to a signature: every other answer costs the session.
bool is_of_request(CK_RV rv);
// Caused by the PIN, or by the person or program that was asked for it.
bool is_of_pin(CK_RV rv);

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
