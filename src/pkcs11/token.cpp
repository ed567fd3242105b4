// SPDX-License-Identifier: Apache-2.0
#include "sluice/pkcs11/token.hpp"

#include "core/key_match.hpp"
#include "pkcs11/key_attributes.hpp"
#include "pkcs11/login.hpp"
#include "pkcs11/module_choice.hpp"
#include "pkcs11/tokens.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::inline v0::pkcs11 {
namespace {

struct type_row {
  key_type type;
  const char* name;
  CK_ULONG bits;          // RSA
  std::string_view curve;  // EC: the OID in DER
};
using namespace std::string_view_literals;
constexpr std::array types = {
    type_row{key_type::ec256, "ec256", 0, "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"sv},
    type_row{key_type::ec384, "ec384", 0, "\x06\x05\x2b\x81\x04\x00\x22"sv},
    type_row{key_type::ec521, "ec521", 0, "\x06\x05\x2b\x81\x04\x00\x23"sv},
    type_row{key_type::rsa2048, "rsa2048", 2048, ""sv},
    type_row{key_type::rsa3072, "rsa3072", 3072, ""sv},
    type_row{key_type::rsa4096, "rsa4096", 4096, ""sv},
};

// A list of attributes whose values live as long as it does.
class attribute_list {
 public:
  attribute_list& flag(CK_ATTRIBUTE_TYPE type, bool value) {
    return bytes(type, {value ? std::byte{1} : std::byte{0}});
  }
  attribute_list& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    der::bytes raw(sizeof value);
    std::memcpy(raw.data(), &value, sizeof value);
    return bytes(type, std::move(raw));
  }
  attribute_list& text(CK_ATTRIBUTE_TYPE type, std::string_view value) {
    const auto raw = std::as_bytes(std::span(value));
    return bytes(type, {raw.begin(), raw.end()});
  }
  attribute_list& bytes(CK_ATTRIBUTE_TYPE type, der::bytes value) {
    values_.push_back(std::move(value));
    types_.push_back(type);
    return *this;
  }
  attribute_list& id(std::span<const std::byte> value) {
    return value.empty() ? *this : bytes(CKA_ID, {value.begin(), value.end()});
  }
  std::vector<CK_ATTRIBUTE> list() {
    std::vector<CK_ATTRIBUTE> made;
    for (std::size_t i = 0; i < types_.size(); ++i) made.push_back({types_[i], values_[i].data(), values_[i].size()});
    return made;
  }

 private:
  std::vector<CK_ATTRIBUTE_TYPE> types_;
  std::vector<der::bytes> values_;
};

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
  const auto row = std::ranges::find(types, curve, &type_row::curve);
  if (row == types.end()) return "EC, another curve";
  return std::string("EC P-") + (row->name + 2);
}

bool is_self_issued(const certificate& c) { return std::ranges::equal(c.subject_der(), c.issuer_der()); }

// By names, and by signature where several have the same one. No chain is longer than what there is to make it of.
std::vector<certificate> complete_chain(certificate leaf, const std::vector<certificate>& candidates) {
  std::vector<certificate> chain{std::move(leaf)};
  while (chain.size() <= candidates.size() && !is_self_issued(chain.back())) {
    const auto issued_it = [&last = chain.back()](const certificate& c) {
      return sluice::internal::is_issuer(c, last);
    };
    const auto issuer = std::ranges::find_if(candidates, issued_it);
    if (issuer == candidates.end() || is_self_issued(*issuer)) break;
    chain.push_back(*issuer);
  }
  return chain;
}

std::string text_of(const session& s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  der::bytes value;
  if (s.attribute(object, type, value) != CKR_OK) return {};
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

}  // namespace

struct token::state {
  std::shared_ptr<library> lib;
  std::unique_ptr<session> s;
  CK_SLOT_ID slot = 0;
  token_info info;
  uri place;
  bool is_logged_in = false;

  std::string uri_of(CK_OBJECT_HANDLE object, const char* type) const {
    auto u = place.clone();
    if (auto label = text_of(*s, object, CKA_LABEL); !label.empty()) u.object = std::move(label);
    der::bytes id;
    if (s->attribute(object, CKA_ID, id) == CKR_OK && !id.empty()) u.id = id;
    u.type = type;
    return u.to_string();
  }
  failure trouble(CK_RV rv, const char* what) const {
    auto why = ckr_failure(rv, "token \"" + info.label + "\"", what);
    why.token = info.label;
    return why;
  }
};

std::string_view to_string(key_type type) noexcept { return std::ranges::find(types, type, &type_row::type)->name; }

std::optional<key_type> key_type_from(std::string_view text) noexcept {
  const auto row = std::ranges::find(types, text, &type_row::name);
  if (row == types.end()) return std::nullopt;
  return row->type;
}

token::token(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
token::token(token&&) noexcept = default;
token& token::operator=(token&&) noexcept = default;
token::~token() = default;
const token_info& token::info() const noexcept { return state_->info; }
bool token::is_logged_in() const noexcept { return state_->is_logged_in; }

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
  const auto rv = made->s->open(found->slot, options.is_read_write);
  if (rv != CKR_OK) return made->trouble(rv, "C_OpenSession");
  auto pin = choose_pin(*u, options.pin);
  if (!pin) return pin.error();
  if (*pin || (found->info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0) {
    token_login login(std::move(*pin));
    if (auto done = login.ensure(*made->s, found->slot, login_hint::fine); !done) return done.error();
    made->is_logged_in = true;
  }
  return token(std::move(made));
}

result<token_status> token::status() const {
  const auto working = state_->lib->working();
  CK_TOKEN_INFO info{};
  auto rv = state_->lib->call(&CK_FUNCTION_LIST::C_GetTokenInfo, state_->slot, &info);
  if (rv != CKR_OK) return state_->trouble(rv, "C_GetTokenInfo");
  CK_SESSION_INFO session{};
  rv = state_->lib->call(&CK_FUNCTION_LIST::C_GetSessionInfo, state_->s->handle(), &session);
  if (rv != CKR_OK) return state_->trouble(rv, "C_GetSessionInfo");
  const bool is_user = session.state == CKS_RO_USER_FUNCTIONS || session.state == CKS_RW_USER_FUNCTIONS;
  return token_status{describe(*state_->lib, state_->slot, info), is_user};
}

result<std::vector<key_info>> token::keys() const {
  const auto working = state_->lib->working();
  const auto& s = *state_->s;
  std::vector<CK_OBJECT_HANDLE> found;
  const auto rv = s.find({.type = CKO_PRIVATE_KEY}, 256, found);
  if (rv != CKR_OK) return state_->trouble(rv, "C_FindObjects");
  std::vector<key_info> keys;
  for (const auto object : found) {
    key_info k;
    k.uri = state_->uri_of(object, "private");
    k.label = text_of(s, object, CKA_LABEL);
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
  const auto& s = *state_->s;
  std::vector<CK_OBJECT_HANDLE> found;
  const auto rv = s.find({.type = CKO_CERTIFICATE}, 256, found);
  if (rv != CKR_OK) return state_->trouble(rv, "C_FindObjects");
  std::vector<certificate_info> certificates;
  for (const auto object : found) {
    certificate_info c;
    c.uri = state_->uri_of(object, "cert");
    c.label = text_of(s, object, CKA_LABEL);
    s.attribute(object, CKA_ID, c.id);
    der::bytes value;
    s.attribute(object, CKA_VALUE, value);
    if (auto parsed = certificate::from_der(value, c.uri)) c.parsed.push_back(std::move(*parsed));
    certificates.push_back(std::move(c));
  }
  return certificates;
}

result<std::vector<certificate>> token::chain(const uri& wanted, std::span<const certificate> others) const {
  const auto there = certificates();
  if (!there) return there.error();
  const auto is_meant = [&wanted](const certificate_info& c) {
    return (!wanted.object || c.label == *wanted.object) && (!wanted.id || c.id == *wanted.id) && !c.parsed.empty();
  };
  const auto leaf = std::ranges::find_if(*there, is_meant);
  if (leaf == there->end()) {
    std::string list;
    for (const auto& c : *there) list += (list.empty() ? "there is " : ", ") + c.uri;
    auto why = config_failure(errc::no_certificate, wanted.to_string(), list.empty() ? "the token holds none" : list,
                              "put the certificate into the token, or give it in a file");
    why.token = state_->info.label;
    return why;
  }
  std::vector<certificate> candidates(others.begin(), others.end());
  for (const auto& c : *there) candidates.insert(candidates.end(), c.parsed.begin(), c.parsed.end());
  return complete_chain(leaf->parsed.front(), candidates);
}

result<std::string> token::generate_key(key_type type, const std::string& label, std::span<const std::byte> id) {
  const auto working = state_->lib->working();
  const auto& row = *std::ranges::find(types, type, &type_row::type);
  const bool is_rsa = row.bits > 0;
  attribute_list pub, priv;
  pub.flag(CKA_TOKEN, true).flag(CKA_VERIFY, true).text(CKA_LABEL, label).id(id);
  if (is_rsa) {
    pub.number(CKA_MODULUS_BITS, row.bits).bytes(CKA_PUBLIC_EXPONENT, {std::byte{1}, std::byte{0}, std::byte{1}});
    pub.flag(CKA_ENCRYPT, true);
    priv.flag(CKA_DECRYPT, true);
  } else {
    pub.text(CKA_EC_PARAMS, row.curve);
  }
  priv.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
  priv.flag(CKA_SIGN, true).text(CKA_LABEL, label).id(id);
  auto pub_list = pub.list();
  auto priv_list = priv.list();
  CK_MECHANISM mechanism{is_rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  CK_OBJECT_HANDLE pub_key = 0;
  CK_OBJECT_HANDLE priv_key = 0;
  const auto rv =
      state_->lib->call(&CK_FUNCTION_LIST::C_GenerateKeyPair, state_->s->handle(), &mechanism, pub_list.data(),
                        CK_ULONG{pub_list.size()}, priv_list.data(), CK_ULONG{priv_list.size()}, &pub_key, &priv_key);
  if (rv != CKR_OK) return state_->trouble(rv, "C_GenerateKeyPair");
  return state_->uri_of(priv_key, "private");
}

result<std::string> token::import_key(const key_numbers& k, const std::string& label, std::span<const std::byte> id) {
  const auto working = state_->lib->working();
  attribute_list priv, pub;
  priv.number(CKA_CLASS, CKO_PRIVATE_KEY).number(CKA_KEY_TYPE, k.is_rsa ? CKK_RSA : CKK_ECDSA);
  priv.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
  priv.flag(CKA_SIGN, true).text(CKA_LABEL, label).id(id);
  pub.number(CKA_CLASS, CKO_PUBLIC_KEY).number(CKA_KEY_TYPE, k.is_rsa ? CKK_RSA : CKK_ECDSA);
  pub.flag(CKA_TOKEN, true).flag(CKA_VERIFY, true).text(CKA_LABEL, label).id(id);
  if (k.is_rsa) {
    priv.bytes(CKA_MODULUS, k.n).bytes(CKA_PUBLIC_EXPONENT, k.e).bytes(CKA_PRIVATE_EXPONENT, k.d);
    priv.bytes(CKA_PRIME_1, k.p).bytes(CKA_PRIME_2, k.q).bytes(CKA_EXPONENT_1, k.dp).bytes(CKA_EXPONENT_2, k.dq);
    priv.bytes(CKA_COEFFICIENT, k.qinv).flag(CKA_DECRYPT, true);
    pub.bytes(CKA_MODULUS, k.n).bytes(CKA_PUBLIC_EXPONENT, k.e).flag(CKA_ENCRYPT, true);
  } else {
    priv.bytes(CKA_EC_PARAMS, k.ec_parameters).bytes(CKA_VALUE, k.ec_value);
    pub.bytes(CKA_EC_PARAMS, k.ec_parameters).bytes(CKA_EC_POINT, der::octet_string(k.ec_point));
  }
  CK_OBJECT_HANDLE made = 0;
  for (auto* attributes : {&pub, &priv}) {
    auto list = attributes->list();
    const auto rv = state_->lib->call(&CK_FUNCTION_LIST::C_CreateObject, state_->s->handle(), list.data(),
                                      CK_ULONG{list.size()}, &made);
    if (rv != CKR_OK) return state_->trouble(rv, "C_CreateObject");
  }
  return state_->uri_of(made, "private");
}

result<std::string> token::import_certificate(const certificate& cert, const std::string& label,
                                              std::span<const std::byte> id) {
  const auto working = state_->lib->working();
  attribute_list attributes;
  const auto bytes = [](std::span<const std::byte> value) { return der::bytes(value.begin(), value.end()); };
  attributes.number(CKA_CLASS, CKO_CERTIFICATE).number(CKA_CERTIFICATE_TYPE, CKC_X_509).flag(CKA_TOKEN, true);
  attributes.text(CKA_LABEL, label).id(id).bytes(CKA_SUBJECT, bytes(cert.subject_der()));
  attributes.bytes(CKA_ISSUER, bytes(cert.issuer_der())).bytes(CKA_SERIAL_NUMBER, bytes(cert.serial_der()));
  attributes.bytes(CKA_VALUE, bytes(cert.der()));
  auto list = attributes.list();
  CK_OBJECT_HANDLE made = 0;
  const auto rv = state_->lib->call(&CK_FUNCTION_LIST::C_CreateObject, state_->s->handle(), list.data(),
                                    CK_ULONG{list.size()}, &made);
  if (rv != CKR_OK) return state_->trouble(rv, "C_CreateObject");
  return state_->uri_of(made, "cert");
}

result<std::size_t> token::remove(const std::string& label, std::span<const std::byte> id) {
  const auto working = state_->lib->working();
  std::size_t count = 0;
  for (const auto type : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE}) {
    object_search search{.type = type, .label = label};
    if (!id.empty()) search.id = der::bytes(id.begin(), id.end());
    std::vector<CK_OBJECT_HANDLE> found;
    if (const auto rv = state_->s->find(search, 64, found); rv != CKR_OK) return state_->trouble(rv, "C_FindObjects");
    for (const auto object : found) {
      const auto rv = state_->lib->call(&CK_FUNCTION_LIST::C_DestroyObject, state_->s->handle(), object);
      if (rv != CKR_OK) return state_->trouble(rv, "C_DestroyObject");
      ++count;
    }
  }
  return count;
}

result<token_info> initialize_token(const module& m, const std::string& label, std::string_view so_pin,
                                    std::string_view user_pin) {
  const auto& lib = *m.shared();
  auto slots = lib.slots_with_token();
  if (!slots) return slots.error();
  const auto pin_bytes = [](std::string_view pin) {
    return reinterpret_cast<unsigned char*>(const_cast<char*>(pin.data()));
  };
  for (const auto slot : *slots) {
    CK_TOKEN_INFO info{};
    if (lib.call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot, &info) != CKR_OK) continue;
    if ((info.flags & CKF_TOKEN_INITIALIZED) != 0) continue;
    std::array<unsigned char, 32> padded;
    padded.fill(' ');
    std::copy_n(label.begin(), std::min<std::size_t>(label.size(), 32), padded.begin());
    auto rv = lib.call(&CK_FUNCTION_LIST::C_InitToken, slot, pin_bytes(so_pin), CK_ULONG{so_pin.size()}, padded.data());
    if (rv != CKR_OK) return ckr_failure(rv, m.info().path, "C_InitToken");
    // Some modules give the new token another slot.
    uri wanted;
    wanted.token = label;
    auto found = find_token(lib, wanted);
    if (!found) return found.error();
    session s(lib);
    rv = s.open(found->slot, true);
    if (rv == CKR_OK) rv = s.login(CKU_SO, so_pin);
    if (rv == CKR_OK)
      rv = lib.call(&CK_FUNCTION_LIST::C_InitPIN, s.handle(), pin_bytes(user_pin), CK_ULONG{user_pin.size()});
    lib.call(&CK_FUNCTION_LIST::C_Logout, s.handle());
    if (rv != CKR_OK) return ckr_failure(rv, "token \"" + label + "\"", "setting its PIN");
    return describe(lib, found->slot, found->info);
  }
  return config_failure(errc::token_not_found, m.info().path, "it has no uninitialised token");
}

}  // namespace sluice::inline v0::pkcs11
