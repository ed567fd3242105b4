// SPDX-License-Identifier: Apache-2.0
// Puts keys and certificates into a token, and takes them away: all of a change, or nothing of it.
#include "core/base/wipe.hpp"
#include "pkcs11/access.hpp"
#include "pkcs11/key_attributes.hpp"
#include "pkcs11/token_state.hpp"
#include "pkcs11/tokens.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

constexpr std::size_t longest_token_label = 32;  // CK_TOKEN_INFO has room for no more

// A list of attributes whose values live as long as it does. Wiped: the numbers of private keys go through it.
class attribute_list {
 public:
  attribute_list() = default;
  attribute_list(const attribute_list&) = delete;
  attribute_list& operator=(const attribute_list&) = delete;
  ~attribute_list() {
    for (auto& one : values_) internal::wipe(one);
  }

  attribute_list& flag(CK_ATTRIBUTE_TYPE type, bool value) {
    return bytes(type, der::bytes{value ? std::byte{1} : std::byte{0}});
  }
  attribute_list& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    der::bytes raw(sizeof value);
    std::memcpy(raw.data(), &value, sizeof value);
    return bytes(type, raw);
  }
  attribute_list& text(CK_ATTRIBUTE_TYPE type, std::string_view value) {
    return bytes(type, std::as_bytes(std::span(value)));
  }
  attribute_list& bytes(CK_ATTRIBUTE_TYPE type, der::view value) {
    values_.emplace_back(value.begin(), value.end());
    types_.push_back(type);
    return *this;
  }
  attribute_list& id(std::span<const std::byte> value) { return value.empty() ? *this : bytes(CKA_ID, value); }
  // The result refers into `values_`: nothing may be added while it is in use.
  std::vector<CK_ATTRIBUTE> list() {
    std::vector<CK_ATTRIBUTE> made;
    made.reserve(types_.size());
    for (std::size_t i = 0; i < types_.size(); ++i) made.push_back({types_[i], values_[i].data(), values_[i].size()});
    return made;
  }

 private:
  std::vector<CK_ATTRIBUTE_TYPE> types_;
  std::vector<der::bytes> values_;
};

struct naming {
  const std::string& label;
  std::span<const std::byte> id;
};

void describe_private(attribute_list& priv, const key_numbers& k, const naming& name) {
  priv.number(CKA_CLASS, CKO_PRIVATE_KEY).number(CKA_KEY_TYPE, k.is_rsa ? CKK_RSA : CKK_ECDSA);
  priv.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
  priv.flag(CKA_SIGN, true).text(CKA_LABEL, name.label).id(name.id);
  if (k.is_rsa) {
    priv.bytes(CKA_MODULUS, k.n).bytes(CKA_PUBLIC_EXPONENT, k.e).bytes(CKA_PRIVATE_EXPONENT, k.d);
    priv.bytes(CKA_PRIME_1, k.p).bytes(CKA_PRIME_2, k.q).bytes(CKA_EXPONENT_1, k.dp).bytes(CKA_EXPONENT_2, k.dq);
    priv.bytes(CKA_COEFFICIENT, k.qinv).flag(CKA_DECRYPT, true);
  } else {
    priv.bytes(CKA_EC_PARAMS, k.ec_parameters).bytes(CKA_VALUE, k.ec_value);
  }
}

void describe_public(attribute_list& pub, const key_numbers& k, const naming& name) {
  pub.number(CKA_CLASS, CKO_PUBLIC_KEY).number(CKA_KEY_TYPE, k.is_rsa ? CKK_RSA : CKK_ECDSA);
  pub.flag(CKA_TOKEN, true).flag(CKA_VERIFY, true).text(CKA_LABEL, name.label).id(name.id);
  if (k.is_rsa) {
    pub.bytes(CKA_MODULUS, k.n).bytes(CKA_PUBLIC_EXPONENT, k.e).flag(CKA_ENCRYPT, true);
  } else {
    pub.bytes(CKA_EC_PARAMS, k.ec_parameters).bytes(CKA_EC_POINT, der::octet_string(k.ec_point));
  }
}

void describe_certificate(attribute_list& attributes, const certificate& cert, const naming& name) {
  attributes.number(CKA_CLASS, CKO_CERTIFICATE).number(CKA_CERTIFICATE_TYPE, CKC_X_509).flag(CKA_TOKEN, true);
  attributes.text(CKA_LABEL, name.label).id(name.id).bytes(CKA_SUBJECT, cert.subject_der());
  attributes.bytes(CKA_ISSUER, cert.issuer_der()).bytes(CKA_SERIAL_NUMBER, cert.serial_der());
  attributes.bytes(CKA_VALUE, cert.der());
}

// Objects made one after another. Unless all of them were wanted, they go again.
// A transaction, as far as PKCS#11 has any: the objects that were made are destroyed again unless keep() was called,
// also by an exception. A token that refuses to destroy one leaves it; undo() returns those, for the error to name.
class new_objects {
 public:
  new_objects(const library& lib, const session& s) : lib_(lib), s_(s) {}
  new_objects(const new_objects&) = delete;
  new_objects& operator=(const new_objects&) = delete;
  ~new_objects() { undo(); }

  CK_RV add(attribute_list& attributes) {
    auto list = attributes.list();
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    const auto rv =
        lib_.call(&CK_FUNCTION_LIST::C_CreateObject, s_.handle(), list.data(), CK_ULONG{list.size()}, &made);
    if (rv == CKR_OK) made_.push_back(made);
    return rv;
  }
  CK_OBJECT_HANDLE first() const { return made_.front(); }
  void keep() noexcept { made_.clear(); }

  // Those that could not be removed again.
  std::vector<CK_OBJECT_HANDLE> undo() {
    std::erase_if(
        made_, [this](auto one) { return lib_.call(&CK_FUNCTION_LIST::C_DestroyObject, s_.handle(), one) == CKR_OK; });
    return std::exchange(made_, {});
  }

 private:
  const library& lib_;
  const session& s_;
  std::vector<CK_OBJECT_HANDLE> made_;
};

unsigned char* pin_bytes(std::string_view pin) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(pin.data()));
}

// With a token that has just been initialised.
CK_RV set_user_pin(const library& lib, CK_SLOT_ID slot, std::string_view so_pin, std::string_view user_pin) {
  session s(lib);
  auto rv = s.open(slot, true);
  if (rv == CKR_OK) rv = s.login(CKU_SO, so_pin);
  if (rv == CKR_OK)
    rv = lib.call(&CK_FUNCTION_LIST::C_InitPIN, s.handle(), pin_bytes(user_pin), CK_ULONG{user_pin.size()});
  // In any case: the security officer is logged in for the whole process, and a user could not log in meanwhile.
  lib.call(&CK_FUNCTION_LIST::C_Logout, s.handle());
  return rv;
}

}  // namespace

key_numbers::~key_numbers() {
  // The public numbers n and e, and the point, are not secret.
  for (auto* one : {&d, &p, &q, &dp, &dq, &qinv, &ec_value}) internal::wipe(*one);
}

result<std::vector<std::string>> token::find_keys(const std::string& label, std::span<const std::byte> id) const {
  const auto working = state_->lib->working();
  if (auto ready = state_->begin(); !ready) return ready.error();
  object_search wanted{.label = label, .id = {}};
  if (!id.empty()) wanted.id = der::bytes(id.begin(), id.end());
  std::vector<CK_OBJECT_HANDLE> found;
  if (const auto rv = state_->s->find(wanted, found); rv != CKR_OK) return state_->call_failure(rv, "C_FindObjects");
  std::vector<std::string> uris;
  uris.reserve(found.size());
  for (const auto one : found) uris.push_back(state_->uri_of(one, "private"));
  return uris;
}

result<std::string> token::generate_key(key_type type, const std::string& label, std::span<const std::byte> id) {
  const auto working = state_->lib->working();
  if (auto ready = state_->begin(); !ready) return ready.error();
  const auto& row = *std::ranges::find(key_types::all, type, &type_row::type);
  const bool is_rsa = row.bits > 0;
  attribute_list pub, priv;
  pub.flag(CKA_TOKEN, true).flag(CKA_VERIFY, true).text(CKA_LABEL, label).id(id);
  if (is_rsa) {
    pub.number(CKA_MODULUS_BITS, row.bits);
    pub.bytes(CKA_PUBLIC_EXPONENT, der::bytes{std::byte{1}, std::byte{0}, std::byte{1}}).flag(CKA_ENCRYPT, true);
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
  if (rv != CKR_OK) return state_->call_failure(rv, "C_GenerateKeyPair");
  return state_->uri_of(priv_key, "private");
}

// The private key first: it is what tokens refuse.
result<std::string> token::import_objects(const key_numbers* key, std::span<const certificate> chain,
                                          const std::string& label, std::span<const std::byte> id) {
  const auto working = state_->lib->working();
  if (auto ready = state_->begin(); !ready) return ready.error();
  new_objects made(*state_->lib, *state_->s);
  auto rv = key == nullptr && chain.empty() ? CK_RV{CKR_ARGUMENTS_BAD} : CK_RV{CKR_OK};
  const auto add = [&](auto describe, const auto& what, const naming& name) {
    if (rv != CKR_OK) return;
    attribute_list attributes;
    describe(attributes, what, name);
    rv = made.add(attributes);
  };
  if (key != nullptr) {
    add(describe_private, *key, {label, id});
    add(describe_public, *key, {label, id});
  }
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto name = i == 0 ? label : label + " issuer " + std::to_string(i);
    add(describe_certificate, chain[i], {name, i == 0 ? id : std::span<const std::byte>()});
  }
  if (rv == CKR_OK) {
    auto uri = state_->uri_of(made.first(), key != nullptr ? "private" : "cert");
    made.keep();
    return uri;
  }
  auto error = state_->call_failure(rv, "C_CreateObject");
  if (const auto left = made.undo(); !left.empty())
    error.detail += "; and it could not be undone: " + list_objects(*state_->s, left, "left behind is");
  return error;
}

result<std::string> token::import_key(const key_numbers& numbers, const std::string& label,
                                      std::span<const std::byte> id) {
  return import_objects(&numbers, {}, label, id);
}

result<std::string> token::import_certificate(const certificate& cert, const std::string& label,
                                              std::span<const std::byte> id) {
  return import_objects(nullptr, {&cert, 1}, label, id);
}

result<std::size_t> token::remove(const std::string& label, std::span<const std::byte> id) {
  const auto working = state_->lib->working();
  if (auto ready = state_->begin(); !ready) return ready.error();
  std::size_t count = 0;
  for (const auto type : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE}) {
    object_search search{.type = type, .label = label, .id = {}};
    if (!id.empty()) search.id = der::bytes(id.begin(), id.end());
    std::vector<CK_OBJECT_HANDLE> found;
    if (const auto rv = state_->s->find(search, found); rv != CKR_OK) return state_->call_failure(rv, "C_FindObjects");
    for (const auto object : found) {
      const auto rv = state_->lib->call(&CK_FUNCTION_LIST::C_DestroyObject, state_->s->handle(), object);
      if (rv != CKR_OK) return state_->call_failure(rv, "C_DestroyObject");
      ++count;
    }
  }
  return count;
}

result<token_info> initialize_token(const module& m, const std::string& label, std::string_view so_pin,
                                    std::string_view user_pin) {
  if (label.size() > longest_token_label)
    return make_failure(errc::invalid_argument, "\"" + label + "\"", "a token's label has at most 32 bytes",
                        "shorten it");
  const auto& lib = *access::loaded(m);
  auto slots = lib.slots_with_token();
  if (!slots) return slots.error();
  for (const auto slot : *slots) {
    CK_TOKEN_INFO info{};
    if (lib.call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot, &info) != CKR_OK) continue;
    // Never a token that has been initialised: C_InitToken destroys all of its objects.
    if ((info.flags & CKF_TOKEN_INITIALIZED) != 0) continue;
    std::array<unsigned char, longest_token_label> padded;
    padded.fill(' ');
    std::ranges::copy(label, padded.begin());
    auto rv = lib.call(&CK_FUNCTION_LIST::C_InitToken, slot, pin_bytes(so_pin), CK_ULONG{so_pin.size()}, padded.data());
    if (rv != CKR_OK) return ckr_failure(rv, m.info().path, "C_InitToken");
    // Some modules give the new token another slot.
    uri wanted;
    wanted.token = label;
    auto found = find_token(lib, wanted);
    if (!found) return found.error();
    rv = set_user_pin(lib, found->slot, so_pin, user_pin);
    if (rv != CKR_OK)
      return ckr_failure(rv, "token \"" + label + "\"", "it is initialised, but its user PIN could not be set");
    return describe(lib, found->slot, found->info);
  }
  return make_failure(errc::token_not_found, m.info().path, "it has no uninitialised token");
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
