// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/login.hpp"

#include <exception>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// Another try would be answered alike, and may count towards a lock.
bool says_that_it_is_wrong(CK_RV rv) {
  return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE;
}

failure about(failure error, const CK_TOKEN_INFO& info) {
  error.token = padded_text(info.label);
  return error;
}

std::string place(const CK_TOKEN_INFO& info) { return "token \"" + padded_text(info.label) + "\""; }

// What the token says of its PIN before a try is spent on it.
result<void> check_flags(const CK_TOKEN_INFO& info) {
  if ((info.flags & CKF_USER_PIN_LOCKED) != 0)
    return about(ckr_failure(CKR_PIN_LOCKED, place(info), "its PIN is locked"), info);
  if ((info.flags & CKF_USER_PIN_TO_BE_CHANGED) != 0) {
    return about(ckr_failure(CKR_PIN_EXPIRED, place(info), "its PIN must be changed first"), info);
  }
  if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
    return about(make_failure(errc::pin_final_try, place(info), "one more wrong PIN would lock it",
                              "log in once by hand with the token's own tool, with the right PIN"),
                 info);
  }
  return {};
}

// Answers of a token that has no users.
bool knows_no_login(CK_RV rv) {
  return rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_USER_TYPE_INVALID || rv == CKR_USER_PIN_NOT_INITIALIZED;
}

bool is_surely_user(const session& s) {
  CK_SESSION_INFO info{};
  if (s.lib().call(&CK_FUNCTION_LIST::C_GetSessionInfo, s.handle(), &info) != CKR_OK) return false;
  return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
}

// With a pad the PIN is typed there (PKCS#11 v2.40 §5.6), and ours is kept back, unless there turns out to be no pad.
// `is_sent` says whether it went.
CK_RV send_login(const session& s, CK_USER_TYPE who, bool has_pad, const secret& pin, pin_guard& guard, bool& is_sent) {
  is_sent = !has_pad && !pin.empty();
  if (!is_sent) {
    const auto rv = s.login(who, std::nullopt);
    if (rv != CKR_ARGUMENTS_BAD || pin.empty()) return rv;
    // The guard has not been asked for this PIN yet, since a token with a pad was not going to get it.
    if (guard.ask(pin.view()) != pin_guard::advice::send) return CKR_PIN_INCORRECT;
    is_sent = true;
  }
  const auto rv = s.login(who, pin.view());
  if (rv == CKR_OK || says_that_it_is_wrong(rv)) guard.note(pin.view(), rv == CKR_OK);
  return rv;
}

result<CK_TOKEN_INFO> info_of(const session& s, CK_SLOT_ID slot) {
  CK_TOKEN_INFO info{};
  const auto rv = s.lib().call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot, &info);
  if (rv != CKR_OK) return ckr_failure(rv, "token", "C_GetTokenInfo");
  return info;
}

result<void> check_pin(const secret& pin, const CK_TOKEN_INFO& info, pin_guard& guard) {
  const bool has_pad = (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  if (has_pad) return {};
  if (pin.empty()) {
    return about(make_failure(errc::pin_required, place(info), "no PIN was given",
                              "give one: pin-source in the URI, a PIN file or SLUICE_PIN"),
                 info);
  }
  switch (guard.ask(pin.view())) {
    case pin_guard::advice::send: break;
    case pin_guard::advice::known_wrong:
      return about(make_failure(errc::pin_known_bad, place(info), "", "correct the PIN and restart"), info);
    case pin_guard::advice::unanswered:
      return about(make_failure(errc::key_timed_out, place(info), "a login with its PIN has not been answered",
                                "see whether the token or the service behind it answers at all"),
                   info);
  }
  return {};
}

}  // namespace

result<secret> token_login::ask(const std::string& token, bool is_for_one_signature) const {
  if (!source_) return secret();
  const auto thrown = [&token](const std::string& what) {
    auto error = make_failure(errc::key_unavailable, "token \"" + token + "\"", "the source of its PIN threw: " + what);
    error.token = token;
    return error;
  };
  try {
    return source_({.token = token, .is_for_one_signature = is_for_one_signature});
  } catch (const std::exception& e) {
    return thrown(e.what());
  } catch (...) {
    return thrown("something unknown");
  }
}

// The token is asked only where there is a doubt: C_GetSessionInfo costs a round trip to a token across a network, and
// every signature comes by here.
bool token_login::is_done(const session& s, login_hint hint) {
  const bool is_out = hint == login_hint::lost || (hint == login_hint::doubtful && !s.is_user());
  const std::lock_guard lock(gate_);
  if (is_out) logged_in_generation_ = 0;
  return logged_in_generation_ == s.lib().generation();
}

result<bool> token_login::ensure(const session& s, CK_SLOT_ID slot, login_hint hint) {
  if (is_done(s, hint)) return false;
  // Taken before the login: if the module is initialised anew meanwhile, this login counts for nothing.
  const auto generation = s.lib().generation();
  // Before the turn: which guard it is depends on the token that is in the slot now.
  const auto before = info_of(s, slot);
  if (!before) return before.error();
  const bool is_required = (before->flags & CKF_LOGIN_REQUIRED) != 0;
  const bool is_lost = hint == login_hint::lost;
  // A token that does not set CKF_LOGIN_REQUIRED may still have use for a login: a source of PINs, or an answer that
  // nobody is logged in, is reason enough to try.
  const bool is_wanted = is_required || has_source() || is_lost;
  bool is_made = false;
  if (is_wanted) {
    const auto guard = pin_guard::of(*before);
    const pin_guard::turn mine(*guard, s.lib().world(), hang_timeout_);
    // Somebody may have logged in while this one waited. The token's own word, that nobody has, is kept to.
    if (is_done(s, login_hint::fine) && !is_lost) return false;
    // Somebody in this process has logged in already: whoever is asked for the PIN, at the token's pad or by its
    // source, is asked once.
    if (is_lost || !is_surely_user(s)) {
      const auto rv = send(s, slot, CKU_USER, *guard);
      if (!rv) return rv.error();
      is_made = *rv == CKR_OK || *rv == CKR_USER_ALREADY_LOGGED_IN;
      if (!is_made && (is_required || !knows_no_login(*rv))) {
        return about(ckr_failure(*rv, place(*before), "C_Login"), *before);
      }
    }
  }
  const std::lock_guard lock(gate_);
  logged_in_generation_ = generation;
  return is_made;
}

result<CK_RV> token_login::send(const session& s, CK_SLOT_ID slot, CK_USER_TYPE who, pin_guard& guard) {
  const auto info = info_of(s, slot);  // anew: another try may have been wrong meanwhile
  if (!info) return info.error();
  if (auto fine = check_flags(*info); !fine) return fine.error();
  auto pin = ask(padded_text(info->label), who == CKU_CONTEXT_SPECIFIC);
  if (!pin) return about(pin.error(), *info);
  if (auto fine = check_pin(*pin, *info, guard); !fine) return fine.error();
  bool is_sent = false;
  const auto rv = send_login(s, who, (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0, *pin, guard, is_sent);
  if (who == CKU_USER) has_sent_pin_ = is_sent;
  return rv;
}

CK_RV token_login::authenticate_once(const session& s, CK_SLOT_ID slot) {
  const auto info = info_of(s, slot);
  if (!info) return static_cast<CK_RV>(info.error().code.value());
  const auto guard = pin_guard::of(*info);
  const pin_guard::turn mine(*guard, s.lib().world(), hang_timeout_);
  const auto rv = send(s, slot, CKU_CONTEXT_SPECIFIC, *guard);
  if (rv) return *rv;
  const auto& error = rv.error().code;
  if (error.category() == pkcs11_category()) return static_cast<CK_RV>(error.value());
  return error == errc::pin_known_bad || error == errc::pin_final_try ? CKR_PIN_INCORRECT : CKR_PIN_INVALID;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
