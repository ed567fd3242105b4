// SPDX-License-Identifier: Apache-2.0
// The one login a token has, shared by every session on it, and the care not to lock its PIN.
#pragma once

#include "pkcs11/pin_guard.hpp"
#include "pkcs11/session.hpp"
#include "sluice/pkcs11/pin.hpp"
#include "sluice/result.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// What is known of the login before a piece of work.
enum class login_hint : std::uint8_t {
  fine,
  doubtful,  // a session was opened anew: with the last one closed, a token logs everybody out
  lost,      // the token has just said that nobody is logged in
};

// PKCS#11 knows one login for each token and process, whatever the number of sessions. `logged_in_generation_` says
// that it was made, of which generation of the module; a hint is what withdraws that. `gate_` is never held during a
// call: two workers may both find that nobody is logged in, and the turn of the PIN guard decides between them.
class token_login {
 public:
  explicit token_login(pin_source source, runtime::duration hang_timeout = std::chrono::seconds(30))
      : source_(std::move(source)), hang_timeout_(hang_timeout) {}

  // Logs in if the token wants it, or a PIN was given, and nobody has; true: a C_Login was made. Errors: pin_required,
  // pin_final_try, pin_known_bad, what the PIN source says or throws, or the CKR. Any thread; PINs of one token are
  // sent one after the other in this process, both kinds of login together.
  result<bool> ensure(const session& s, CK_SLOT_ID slot, login_hint hint);
  // For a key with CKA_ALWAYS_AUTHENTICATE, between C_SignInit and C_Sign.
  CK_RV authenticate_once(const session& s, CK_SLOT_ID slot);
  // Nobody has to be asked for a PIN by the token's own pad.
  bool has_source() const noexcept { return static_cast<bool>(source_); }

  // Did the last login go with the PIN, and not over the token's pad?
  bool has_sent_pin() const noexcept { return has_sent_pin_; }

 private:
  bool is_done(const session& s, login_hint hint);
  result<secret> ask(const std::string& token, bool is_for_one_signature) const;
  // With the turn held: what the token says of its PIN is read, then the PIN is sent.
  result<CK_RV> send(const session& s, CK_SLOT_ID slot, CK_USER_TYPE who, pin_guard& guard);

  const pin_source source_;
  std::atomic<bool> has_sent_pin_ = false;
  const runtime::duration hang_timeout_;
  std::mutex gate_;
  std::uint64_t logged_in_generation_ = 0;  // of the module; 0: not logged in
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
