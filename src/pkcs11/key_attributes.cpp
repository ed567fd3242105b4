// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/key_attributes.hpp"

#include "sluice/certificate.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::inline v0::pkcs11 {
namespace {

template <class T>
std::optional<T> number(const session& s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  der::bytes value;
  if (s.attribute(object, type, value) != CKR_OK || value.size() != sizeof(T)) return std::nullopt;
  T made;
  std::memcpy(&made, value.data(), sizeof made);
  return made;
}

std::optional<der::bytes> public_key_from(const session& s, CK_OBJECT_HANDLE object) {
  der::bytes first, second;
  const auto type = number<CK_KEY_TYPE>(s, object, CKA_KEY_TYPE);
  if (type == CKK_RSA && s.attribute(object, CKA_MODULUS, first) == CKR_OK &&
      s.attribute(object, CKA_PUBLIC_EXPONENT, second) == CKR_OK && !first.empty() && !second.empty()) {
    return der::rsa_public_key(first, second);
  }
  if (type == CKK_ECDSA && s.attribute(object, CKA_EC_PARAMS, first) == CKR_OK &&
      s.attribute(object, CKA_EC_POINT, second) == CKR_OK && !first.empty() && !second.empty()) {
    return der::ec_public_key(first, second);
  }
  return std::nullopt;
}

std::string list_keys(const session& s) {
  std::vector<CK_OBJECT_HANDLE> all;
  if (s.find({.type = CKO_PRIVATE_KEY}, 16, all) != CKR_OK || all.empty())
    return "it has no private key that we can see";
  std::vector<std::string> uris;
  for (const auto key : all) uris.push_back(object_uri(s, key));
  std::ranges::sort(uris);
  std::string text;
  for (const auto& one : uris) text += (text.empty() ? "it has " : ", ") + one;
  return text;
}

}  // namespace

std::string object_uri(const session& s, CK_OBJECT_HANDLE object) {
  uri u;
  der::bytes value;
  if (s.attribute(object, CKA_LABEL, value) == CKR_OK && !value.empty()) {
    u.object = std::string(reinterpret_cast<const char*>(value.data()), value.size());
  }
  if (s.attribute(object, CKA_ID, value) == CKR_OK && !value.empty()) u.id = value;
  return u.to_string();
}

result<CK_OBJECT_HANDLE> find_one(const session& s, const object_search& wanted, const std::string& name,
                                  const std::string& token) {
  std::vector<CK_OBJECT_HANDLE> found;
  const auto rv = s.find(wanted, 2, found);
  if (rv != CKR_OK) {
    auto why = ckr_failure(rv, name, "C_FindObjects");
    why.token = token;
    return why;
  }
  if (found.size() == 1) return found.front();
  auto why = found.empty()
                 ? config_failure(errc::key_not_found, name, list_keys(s), "correct the object or id in the URI")
                 : config_failure(errc::key_ambiguous, name, list_keys(s), "name its id as well as its label");
  why.token = token;
  return why;
}

std::optional<der::bytes> read_public_key(const session& s, CK_OBJECT_HANDLE key, const object_search& search) {
  if (auto own = public_key_from(s, key)) return own;
  // Beside the key: by CKA_ID, which the standard means to be shared; by label where there is none.
  object_search beside{.type = CKO_PUBLIC_KEY};
  der::bytes id;
  if (s.attribute(key, CKA_ID, id) == CKR_OK && !id.empty()) {
    beside.id = id;
  } else {
    beside.label = search.label;
  }
  std::vector<CK_OBJECT_HANDLE> found;
  if (s.find(beside, 2, found) == CKR_OK && found.size() == 1) {
    if (auto other = public_key_from(s, found.front())) return other;
  }
  beside.type = CKO_CERTIFICATE;
  der::bytes der;
  if (s.find(beside, 2, found) != CKR_OK || found.size() != 1 || s.attribute(found.front(), CKA_VALUE, der) != CKR_OK) {
    return std::nullopt;
  }
  const auto parsed = certificate::from_der(der);
  if (!parsed) return std::nullopt;
  return der::bytes(parsed->public_key().begin(), parsed->public_key().end());
}

result<key_facts> read_facts(const session& s, CK_OBJECT_HANDLE key, const std::string& name) {
  const auto type = number<CK_KEY_TYPE>(s, key, CKA_KEY_TYPE);
  if (!type || (*type != CKK_RSA && *type != CKK_ECDSA)) {
    return config_failure(errc::key_type_unsupported, name,
                          "its CKA_KEY_TYPE is " + (type ? std::to_string(*type) : "unreadable"),
                          "use an RSA or EC key");
  }
  key_facts facts{.type = *type};
  facts.can_sign = number<CK_BBOOL>(s, key, CKA_SIGN).value_or(CK_TRUE) != CK_FALSE;
  facts.always_authenticate = number<CK_BBOOL>(s, key, CKA_ALWAYS_AUTHENTICATE).value_or(CK_FALSE) != CK_FALSE;
  return facts;
}

std::string fingerprint(der::view public_key) { return "SHA256:" + sha256_hex(public_key); }

}  // namespace sluice::inline v0::pkcs11
