// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/login.hpp"

#include "pkcs11/immortal.hpp"

#include <functional>
#include <random>
#include <set>

namespace sluice::inline v0::pkcs11 {
namespace {

// PINs known to be wrong, for the whole process: a program that tries again and again must not lock the token.
// Kept as salted hashes; forgetting them is what a restart is for.
class wrong_pins {
 public:
  static wrong_pins& instance() {
    static auto& one = immortal<wrong_pins>();
    return one;
  }
  bool contains(const CK_TOKEN_INFO& token, std::string_view pin) {
    const std::lock_guard lock(gate_);
    return hashes_.contains(hash(token, pin));
  }
  void add(const CK_TOKEN_INFO& token, std::string_view pin) {
    const std::lock_guard lock(gate_);
    hashes_.insert(hash(token, pin));
  }

 private:
  std::size_t hash(const CK_TOKEN_INFO& token, std::string_view pin) const {
    std::string text = salt_ + padded_text(token.serialNumber) + '\n' + padded_text(token.label) + '\n';
    text += pin;
    const auto value = std::hash<std::string>()(text);
    explicit_bzero(text.data(), text.size());
    return value;
  }
  std::mutex gate_;
  const std::string salt_ = std::to_string(std::random_device()()) + std::to_string(std::random_device()());
  std::set<std::size_t> hashes_;
};

// Another try would be answered alike, and may count towards a lock.
bool says_that_it_is_wrong(CK_RV rv) {
  return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID || rv == CKR_PIN_LEN_RANGE;
}

// Answers of a token that has no users.
bool knows_no_login(const failure& why) {
  if (why.code.category() != pkcs11_category()) return false;
  const auto rv = static_cast<CK_RV>(why.code.value());
  return rv == CKR_FUNCTION_NOT_SUPPORTED || rv == CKR_USER_TYPE_INVALID || rv == CKR_USER_PIN_NOT_INITIALIZED;
}

// With a pad the PIN is typed there (PKCS#11 v2.40 §5.6), and ours is kept back, unless there turns out to be no pad.
// `is_sent` says whether it went.
CK_RV send_login(const session& s, CK_USER_TYPE who, const CK_TOKEN_INFO& info, const secret& pin, bool& is_sent) {
  const bool has_pad = (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  is_sent = !has_pad && !pin.empty();
  if (!is_sent) {
    const auto rv = s.login(who, std::nullopt);
    if (rv != CKR_ARGUMENTS_BAD || pin.empty()) return rv;
    is_sent = true;
  }
  if (wrong_pins::instance().contains(info, pin.view())) return CKR_PIN_INCORRECT;
  const auto rv = s.login(who, pin.view());
  if (says_that_it_is_wrong(rv)) wrong_pins::instance().add(info, pin.view());
  return rv;
}

bool is_surely_user(const session& s) {
  CK_SESSION_INFO info{};
  if (s.lib().call(&CK_FUNCTION_LIST::C_GetSessionInfo, s.handle(), &info) != CKR_OK) return false;
  return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
}

failure about(failure why, const CK_TOKEN_INFO& info) {
  why.token = padded_text(info.label);
  return why;
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
    return about(config_failure(errc::pin_final_try, place(info), "one more wrong PIN would lock it",
                                "log in once by hand with the token's own tool, with the right PIN"),
                 info);
  }
  return {};
}

}  // namespace

result<secret> token_login::ask(const std::string& token, bool is_for_one_signature) const {
  if (!source_) return secret();
  return source_({.token = token, .is_for_one_signature = is_for_one_signature});
}

result<bool> token_login::ensure(const session& s, CK_SLOT_ID slot, login_hint hint) {
  const std::lock_guard lock(gate_);
  const auto generation = s.lib().generation();
  const bool is_lost = hint == login_hint::lost;
  if (is_lost || (hint == login_hint::doubtful && !s.is_user())) logged_in_generation_ = 0;
  if (logged_in_generation_ == generation) return false;
  CK_TOKEN_INFO info{};
  const auto rv = s.lib().call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot, &info);
  if (rv != CKR_OK) return ckr_failure(rv, "token", "C_GetTokenInfo");
  const bool is_required = (info.flags & CKF_LOGIN_REQUIRED) != 0;
  // Somebody in this process has logged in already: a person at the token's pad is asked once. And a PIN that was given
  // is used whatever the flag says.
  const bool is_superfluous = is_surely_user(s) || (!is_required && !source_);
  if (is_superfluous && !is_lost) {
    logged_in_generation_ = generation;
    return false;
  }
  const auto done = log_in(s, info);
  if (!done && !(knows_no_login(done.error()) && !is_required)) return done.error();
  logged_in_generation_ = generation;
  return done.has_value();
}

result<void> token_login::log_in(const session& s, const CK_TOKEN_INFO& info) {
  if (auto fine = check_flags(info); !fine) return fine;
  auto pin = ask(padded_text(info.label), false);
  if (!pin) return about(pin.error(), info);
  const bool has_pad = (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  if (pin->empty() && !has_pad) {
    return about(config_failure(errc::pin_required, place(info), "no PIN was given",
                                "give one: pin-source in the URI, a PIN file or SLUICE_PIN"),
                 info);
  }
  if (!has_pad && wrong_pins::instance().contains(info, pin->view())) {
    return about(config_failure(errc::pin_known_bad, place(info), "", "correct the PIN and restart"), info);
  }
  const auto rv = send_login(s, CKU_USER, info, *pin, has_sent_pin_);
  if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) return {};
  return about(ckr_failure(rv, place(info), "C_Login"), info);
}

CK_RV token_login::authenticate_once(const session& s, CK_SLOT_ID slot) {
  CK_TOKEN_INFO info{};
  const auto rv = s.lib().call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot, &info);
  if (rv != CKR_OK) return rv;
  if (!check_flags(info)) return (info.flags & CKF_USER_PIN_LOCKED) != 0 ? CKR_PIN_LOCKED : CKR_PIN_INCORRECT;
  auto pin = ask(padded_text(info.label), true);
  if (!pin) return CKR_PIN_INVALID;
  bool is_sent = false;
  return send_login(s, CKU_CONTEXT_SPECIFIC, info, *pin, is_sent);
}

}  // namespace sluice::inline v0::pkcs11
