// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/tokens.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// Blanks at the end are the padding of PKCS#11's fields, on either side.
bool fits(const std::optional<std::string>& wanted, const std::string& have) {
  return !wanted || wanted->substr(0, wanted->find_last_not_of(' ') + 1) == have;
}

std::string version_text(const module_info& m) {
  return std::to_string(m.library_major) + "." + std::to_string(m.library_minor);
}

bool fits(const uri& wanted, const module_info& m) {
  return fits(wanted.library_manufacturer, m.manufacturer) && fits(wanted.library_description, m.description) &&
         fits(wanted.library_version, version_text(m));
}

bool is_initialized(const found_token& token) { return (token.info.flags & CKF_TOKEN_INITIALIZED) != 0; }

struct slot_names {
  std::string manufacturer, description;
};

slot_names names_of_slot(const library& lib, CK_SLOT_ID slot) {
  CK_SLOT_INFO info{};
  if (lib.call(&CK_FUNCTION_LIST::C_GetSlotInfo, slot, &info) != CKR_OK) return {};
  return {padded_text(info.manufacturerID), padded_text(info.slotDescription)};
}

bool fits(const library& lib, const uri& wanted, const found_token& token) {
  const auto& info = token.info;
  const bool is_token =
      (!wanted.slot_id || *wanted.slot_id == token.slot) && fits(wanted.token, padded_text(info.label)) &&
      fits(wanted.manufacturer, padded_text(info.manufacturerID)) && fits(wanted.model, padded_text(info.model)) &&
      fits(wanted.serial, padded_text(info.serialNumber));
  if (!is_token || (!wanted.slot_manufacturer && !wanted.slot_description)) return is_token;
  const auto slot = names_of_slot(lib, token.slot);
  return fits(wanted.slot_manufacturer, slot.manufacturer) && fits(wanted.slot_description, slot.description);
}

// A slot whose token was pulled out meanwhile, or belongs to a broken reader, must not hide the others.
std::vector<found_token> readable_tokens(const library& lib, const std::vector<CK_SLOT_ID>& slots) {
  std::vector<found_token> tokens;
  for (const auto slot : slots) {
    found_token token{.slot = slot};
    if (lib.call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot, &token.info) == CKR_OK) tokens.push_back(token);
  }
  return tokens;
}

// What has no limit, or is not known, is said in several ways: 0, -1, -2, and the same in 32 bits.
std::uint64_t known_count(CK_ULONG value) { return value < 0x7fffffff ? value : 0; }

// Those that are initialised; without any, all of them.
std::string list(const std::vector<found_token>& tokens) {
  std::string text;
  for (const auto& token : tokens) {
    if (is_initialized(token)) text += (text.empty() ? "" : ", ") + token_uri(token.info).to_string();
  }
  for (const auto& token : tokens) {
    if (!is_initialized(token) && !padded_text(token.info.label).empty())
      text += (text.empty() ? "" : ", ") + token_uri(token.info).to_string() + " (not initialised, as it says)";
  }
  return text;
}

struct named {
  CK_ULONG value;
  const char* name;
};

constexpr std::array flag_names = {
    named{CKF_RNG, "rng"},
    named{CKF_WRITE_PROTECTED, "write-protected"},
    named{CKF_LOGIN_REQUIRED, "login-required"},
    named{CKF_USER_PIN_INITIALIZED, "user-pin-initialized"},
    named{CKF_PROTECTED_AUTHENTICATION_PATH, "protected-authentication-path"},
    named{CKF_TOKEN_INITIALIZED, "token-initialized"},
    named{CKF_USER_PIN_COUNT_LOW, "user-pin-count-low"},
    named{CKF_USER_PIN_FINAL_TRY, "user-pin-final-try"},
    named{CKF_USER_PIN_LOCKED, "user-pin-locked"},
    named{CKF_USER_PIN_TO_BE_CHANGED, "user-pin-to-be-changed"},
};

#define SLUICE_MECHANISM(name) \
  named { name, #name }
constexpr std::array mechanism_names = {
    SLUICE_MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN),
    SLUICE_MECHANISM(CKM_RSA_PKCS),
    SLUICE_MECHANISM(CKM_RSA_X_509),
    SLUICE_MECHANISM(CKM_RSA_PKCS_OAEP),
    SLUICE_MECHANISM(CKM_RSA_PKCS_PSS),
    SLUICE_MECHANISM(CKM_SHA1_RSA_PKCS),
    SLUICE_MECHANISM(CKM_SHA256_RSA_PKCS),
    SLUICE_MECHANISM(CKM_SHA384_RSA_PKCS),
    SLUICE_MECHANISM(CKM_SHA512_RSA_PKCS),
    SLUICE_MECHANISM(CKM_SHA256_RSA_PKCS_PSS),
    SLUICE_MECHANISM(CKM_SHA384_RSA_PKCS_PSS),
    SLUICE_MECHANISM(CKM_SHA512_RSA_PKCS_PSS),
    SLUICE_MECHANISM(CKM_EC_KEY_PAIR_GEN),
    SLUICE_MECHANISM(CKM_ECDSA),
    SLUICE_MECHANISM(CKM_ECDSA_SHA1),
    SLUICE_MECHANISM(CKM_ECDSA_SHA256),
    SLUICE_MECHANISM(CKM_ECDSA_SHA384),
    SLUICE_MECHANISM(CKM_ECDSA_SHA512),
    SLUICE_MECHANISM(CKM_ECDH1_DERIVE),
    SLUICE_MECHANISM(CKM_AES_KEY_GEN),
    SLUICE_MECHANISM(CKM_AES_CBC),
    SLUICE_MECHANISM(CKM_AES_GCM),
    SLUICE_MECHANISM(CKM_SHA_1),
    SLUICE_MECHANISM(CKM_SHA256),
    SLUICE_MECHANISM(CKM_SHA384),
    SLUICE_MECHANISM(CKM_SHA512),
    named{0x1055, "CKM_EC_EDWARDS_KEY_PAIR_GEN"},
    named{0x1057, "CKM_EDDSA"},
};
#undef SLUICE_MECHANISM

}  // namespace

uri token_uri(const CK_TOKEN_INFO& info, std::optional<CK_SLOT_ID> slot) {
  const auto some = [](std::string text) { return text.empty() ? std::optional<std::string>() : std::move(text); };
  uri u;
  u.token = some(padded_text(info.label));
  u.manufacturer = some(padded_text(info.manufacturerID));
  u.model = some(padded_text(info.model));
  u.serial = some(padded_text(info.serialNumber));
  u.slot_id = slot;
  return u;
}

bool names_a_token(const uri& wanted) noexcept {
  const auto is_given = [](const std::optional<std::string>& text) { return text && !text->empty(); };
  return is_given(wanted.token) || is_given(wanted.serial) || wanted.slot_id.has_value();
}

bool fits(const uri& wanted, const module_info& m, const token_info& t) {
  return fits(wanted, m) && (!wanted.slot_id || *wanted.slot_id == t.slot_id) && fits(wanted.token, t.label) &&
         fits(wanted.manufacturer, t.manufacturer) && fits(wanted.model, t.model) && fits(wanted.serial, t.serial) &&
         fits(wanted.slot_manufacturer, t.slot_manufacturer) && fits(wanted.slot_description, t.slot_description);
}

result<void> check_module(const module_info& m, const uri& wanted) {
  if (fits(wanted, m)) return {};
  return make_failure(
      errc::token_not_found, wanted.token_string(),
      m.path + " is \"" + m.description + "\" by \"" + m.manufacturer + "\", version " + version_text(m),
      "correct library-manufacturer, library-description and library-version, or the module");
}

result<found_token> find_token(const library& lib, const uri& wanted) {
  if (auto fine = check_module(lib.info(), wanted); !fine) return fine.error();
  auto slots = lib.slots_with_token();
  if (!slots) return slots.error();
  const auto present = readable_tokens(lib, *slots);
  std::vector<found_token> fitting;
  std::ranges::copy_if(present, std::back_inserter(fitting), [&](const auto& t) { return fits(lib, wanted, t); });
  // The flag decides between tokens only: where none of those that fit has it, a URI that names one is taken at its
  // word, and C_Login has the last say.
  const bool has_initialized = std::ranges::any_of(fitting, is_initialized);
  if (has_initialized || !names_a_token(wanted))
    std::erase_if(fitting, [](const auto& t) { return !is_initialized(t); });
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty()) {
    const auto there = list(present);
    auto error = make_failure(errc::token_not_found, wanted.token_string(),
                              there.empty() ? lib.info().path + " has no initialised token" : "there is " + there,
                              "`sluice token list` shows what is there");
    error.token = wanted.token.value_or("");
    return error;
  }
  return make_failure(errc::token_ambiguous, wanted.token_string(), "it could be " + list(fitting),
                      "name the token's serial number as well");
}

token_info describe(const library& lib, CK_SLOT_ID slot, const CK_TOKEN_INFO& info) {
  token_info made;
  made.label = padded_text(info.label);
  made.manufacturer = padded_text(info.manufacturerID);
  made.model = padded_text(info.model);
  made.serial = padded_text(info.serialNumber);
  made.slot_id = slot;
  made.is_initialized = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
  made.uri = token_uri(info).to_string();
  for (const auto& flag : flag_names) {
    if ((info.flags & flag.value) != 0) made.flags.emplace_back(flag.name);
  }
  for (const auto type : mechanisms_of(lib, slot)) made.mechanisms.push_back(mechanism_name(type));
  made.max_sessions = known_count(info.ulMaxSessionCount);
  made.open_sessions = known_count(info.ulSessionCount);
  auto slot_is = names_of_slot(lib, slot);
  made.slot_manufacturer = std::move(slot_is.manufacturer);
  made.slot_description = std::move(slot_is.description);
  return made;
}

std::vector<CK_MECHANISM_TYPE> mechanisms_of(const library& lib, CK_SLOT_ID slot) {
  CK_ULONG count = 0;
  if (lib.call(&CK_FUNCTION_LIST::C_GetMechanismList, slot, nullptr, &count) != CKR_OK) return {};
  constexpr CK_ULONG most = 65536;  // a count beyond is a module's mistake
  if (count > most) return {};
  std::vector<CK_MECHANISM_TYPE> types(count);
  if (lib.call(&CK_FUNCTION_LIST::C_GetMechanismList, slot, types.data(), &count) != CKR_OK) return {};
  // The second call must not report more than it was given room for.
  if (count > types.size()) return {};
  types.resize(count);
  return types;
}

std::string mechanism_name(CK_MECHANISM_TYPE type) {
  const auto found = std::ranges::find(mechanism_names, type, &named::value);
  if (found != mechanism_names.end()) return found->name;
  char text[24];
  std::snprintf(text, sizeof text, "0x%08lx", type);
  return text;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
