// SPDX-License-Identifier: Apache-2.0
// The one login a token has, shared by every session on it, and the care not to lock its PIN.
#pragma once

#include "pkcs11/session.hpp"
#include "sluice/pkcs11/pin.hpp"
#include "sluice/result.hpp"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace sluice::inline v0::pkcs11 {

// What is known of the login before a piece of work.
enum class login_hint : std::uint8_t {
  fine,
  doubtful,  // a session was opened anew: with the last one closed, a token logs everybody out
  lost,      // the token has just said that nobody is logged in
};

class token_login {
 public:
  explicit token_login(pin_source source) : source_(std::move(source)) {}

  // Logs in if the token wants it and nobody has; true: a C_Login was made. Errors: pin_required, pin_final_try,
  // pin_known_bad, or the CKR. Any worker's thread; one at a time gets through.
  result<bool> ensure(const session& s, CK_SLOT_ID slot, login_hint hint);
  // For a key with CKA_ALWAYS_AUTHENTICATE, between C_SignInit and C_Sign.
  CK_RV authenticate_once(const session& s, CK_SLOT_ID slot);

  // Did the last login go with the PIN, and not over the token's pad?
  bool has_sent_pin() const noexcept { return has_sent_pin_; }

 private:
  result<secret> ask(const std::string& token, bool is_for_one_signature) const;
  result<void> log_in(const session& s, const CK_TOKEN_INFO& info);

  std::mutex gate_;
  const pin_source source_;
  bool has_sent_pin_ = false;
  std::uint64_t logged_in_generation_ = 0;  // of the module; 0: not logged in
};

}  // namespace sluice::inline v0::pkcs11
