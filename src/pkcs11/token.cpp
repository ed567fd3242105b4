// SPDX-License-Identifier: Apache-2.0
#include "sluice/pkcs11/token.hpp"

#include "pkcs11/key_attributes.hpp"
#include "pkcs11/login.hpp"
#include "pkcs11/module_choice.hpp"
#include "pkcs11/token_state.hpp"
#include "pkcs11/tokens.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

bool is_true(const session& s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  der::bytes value;
  return s.attribute(object, type, value) == CKR_OK && !value.empty() && value.front() != std::byte{0};
}

std::string key_text(const session& s, CK_OBJECT_HANDLE key) {
  const auto facts = read_facts(s, key, "");
  if (!facts) return "unknown";
  der::bytes value;
  if (facts->kind.type == CKK_RSA) {
    if (s.attribute(key, CKA_MODULUS, value) != CKR_OK) return "RSA";
    const auto zeros = std::ranges::find_if(value, [](std::byte b) { return b != std::byte{0}; }) - value.begin();
    return "RSA " + std::to_string((value.size() - static_cast<std::size_t>(zeros)) * 8);
  }
  if (s.attribute(key, CKA_EC_PARAMS, value) != CKR_OK) return "EC";
  const std::string_view curve(reinterpret_cast<const char*>(value.data()), value.size());
  const auto row = std::ranges::find(key_types::all, curve, &type_row::curve);
  if (row == key_types::all.end()) return "EC, another curve";
  return std::string("EC P-") + (row->name + 2);
}

}  // namespace

std::string token::state::text_of(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const {
  der::bytes value;
  if (s->attribute(object, type, value) != CKR_OK) return {};
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

result<void> token::state::begin() {
  // The old session is forgotten and not closed: its number may have been given to another. The token is looked for by
  // what it is, since its slot may be another now.
  if (generation == lib->generation()) return {};
  s->forget();
  const auto found = find_token(*lib, place);
  if (!found) return found.error();
  slot = found->slot;
  if (const auto rv = s->open(slot, is_read_write); rv != CKR_OK) return call_failure(rv, "C_OpenSession");
  if (login) {
    if (auto in = login->ensure(*s, slot, login_hint::fine); !in) return in.error();
  }
  generation = lib->generation();
  return {};
}

std::string token::state::uri_of(CK_OBJECT_HANDLE object, const char* type) const {
  auto u = place.clone();
  if (auto label = text_of(object, CKA_LABEL); !label.empty()) u.object = std::move(label);
  der::bytes id;
  if (s->attribute(object, CKA_ID, id) == CKR_OK && !id.empty()) u.id = id;
  u.type = type;
  return u.to_string();
}

failure token::state::call_failure(CK_RV rv, const char* what) const {
  auto error = ckr_failure(rv, "token \"" + info.label + "\"", what);
  error.token = info.label;
  return error;
}

std::string_view to_string(key_type type) noexcept {
  return std::ranges::find(key_types::all, type, &type_row::type)->name;
}

std::optional<key_type> key_type_from(std::string_view text) noexcept {
  const auto row = std::ranges::find(key_types::all, text, &type_row::name);
  if (row == key_types::all.end()) return std::nullopt;
  return row->type;
}

token::token(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
token::token(token&&) noexcept = default;
token& token::operator=(token&&) noexcept = default;
token::~token() = default;
const token_info& token::info() const noexcept { return state_->info; }
bool token::is_logged_in() const noexcept { return state_->is_logged_in; }
bool token::has_logged_in() const noexcept { return state_->has_logged_in_itself; }
bool token::has_used_pin() const noexcept { return state_->has_used_pin; }

result<token> token::open(std::string_view text, const token_options& options) {
  auto u = uri::parse(text);
  if (!u) return u.error();
  auto path = choose_module(*u, options.module_path);
  if (!path) return path.error();
  auto lib = library::load(*path, options.module);
  if (!lib) return lib.error();
  auto made = std::make_unique<state>();
  made->lib = std::move(*lib);
  const auto working = made->lib->working();
  auto found = find_token(*made->lib, *u);
  if (!found) return found.error();
  made->slot = found->slot;
  made->info = describe(*made->lib, found->slot, found->info);
  made->place = token_uri(found->info);
  made->s = std::make_unique<session>(*made->lib);
  made->generation = made->lib->generation();
  made->is_read_write = options.is_read_write;
  const auto rv = made->s->open(found->slot, options.is_read_write);
  if (rv != CKR_OK) return made->call_failure(rv, "C_OpenSession");
  auto pin = choose_pin(*u, options.pin);
  if (!pin) return pin.error();
  const bool has_pad = (found->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
  if (options.logs_in && (*pin || has_pad)) {
    auto& login = made->login.emplace(std::move(*pin));
    auto done = login.ensure(*made->s, found->slot, login_hint::fine);
    if (!done) return done.error();
    made->has_logged_in_itself = *done;
    made->has_used_pin = *done && login.has_sent_pin();
  }
  // A login of another session of this process counts: the token knows one state for all of them (PKCS#11 v2.40 §5.6).
  made->is_logged_in = made->has_logged_in_itself || made->s->is_user();
  return token(std::move(made));
}

result<token_status> token::status() const {
  const auto working = state_->lib->working();
  if (auto ready = state_->begin(); !ready) return ready.error();
  CK_TOKEN_INFO info{};
  auto rv = state_->lib->call(&CK_FUNCTION_LIST::C_GetTokenInfo, state_->slot, &info);
  if (rv != CKR_OK) return state_->call_failure(rv, "C_GetTokenInfo");
  CK_SESSION_INFO session{};
  rv = state_->lib->call(&CK_FUNCTION_LIST::C_GetSessionInfo, state_->s->handle(), &session);
  if (rv != CKR_OK) return state_->call_failure(rv, "C_GetSessionInfo");
  const bool is_user = session.state == CKS_RO_USER_FUNCTIONS || session.state == CKS_RW_USER_FUNCTIONS;
  return token_status{describe(*state_->lib, state_->slot, info), is_user};
}

result<std::vector<key_info>> token::keys() const {
  const auto working = state_->lib->working();
  if (auto ready = state_->begin(); !ready) return ready.error();
  const auto& s = *state_->s;
  std::vector<CK_OBJECT_HANDLE> found;
  const auto rv = s.find({.type = CKO_PRIVATE_KEY}, found);
  if (rv != CKR_OK) return state_->call_failure(rv, "C_FindObjects");
  std::vector<key_info> keys;
  for (const auto object : found) {
    key_info k;
    k.uri = state_->uri_of(object, "private");
    k.label = state_->text_of(object, CKA_LABEL);
    s.attribute(object, CKA_ID, k.id);
    k.type = key_text(s, object);
    k.can_sign = is_true(s, object, CKA_SIGN);
    k.can_decrypt = is_true(s, object, CKA_DECRYPT);
    k.is_local = is_true(s, object, CKA_LOCAL);
    k.is_extractable = is_true(s, object, CKA_EXTRACTABLE);
    k.is_sensitive = is_true(s, object, CKA_SENSITIVE);
    k.always_authenticate = is_true(s, object, CKA_ALWAYS_AUTHENTICATE);
    k.public_key = read_public_key(s, object, {.label = k.label}).value_or(der::bytes());
    keys.push_back(std::move(k));
  }
  return keys;
}

result<std::vector<certificate_info>> token::certificates() const {
  const auto working = state_->lib->working();
  if (auto ready = state_->begin(); !ready) return ready.error();
  const auto& s = *state_->s;
  std::vector<CK_OBJECT_HANDLE> found;
  const auto rv = s.find({.type = CKO_CERTIFICATE}, found);
  if (rv != CKR_OK) return state_->call_failure(rv, "C_FindObjects");
  std::vector<certificate_info> certificates;
  for (const auto object : found) {
    certificate_info c;
    c.uri = state_->uri_of(object, "cert");
    c.label = state_->text_of(object, CKA_LABEL);
    s.attribute(object, CKA_ID, c.id);
    der::bytes value;
    s.attribute(object, CKA_VALUE, value);
    if (auto parsed = certificate::from_der(value, c.uri)) c.parsed.push_back(std::move(*parsed));
    certificates.push_back(std::move(c));
  }
  return certificates;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
