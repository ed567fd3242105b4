// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/key_attributes.hpp"

#include "sluice/certificate.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

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

struct curve_order {
  std::string_view name;  // the OID in DER
  std::size_t size;
};
using namespace std::string_view_literals;
constexpr std::array curve_orders = {
    curve_order{"\x06\x05\x2b\x81\x04\x00\x21"sv, 28},              // P-224
    curve_order{"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"sv, 32},  // P-256
    curve_order{"\x06\x05\x2b\x81\x04\x00\x0a"sv, 32},              // secp256k1
    curve_order{"\x06\x05\x2b\x81\x04\x00\x22"sv, 48},              // P-384
    curve_order{"\x06\x05\x2b\x81\x04\x00\x23"sv, 66},              // P-521
};

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

std::size_t curve_order_size(der::view parameters) {
  const std::string_view text(reinterpret_cast<const char*>(parameters.data()), parameters.size());
  const auto is_named = [text](const curve_order& one) { return text.find(one.name) != text.npos; };
  const auto found = std::ranges::find_if(curve_orders, is_named);
  return found == curve_orders.end() ? 0 : found->size;
}

result<key_facts> read_facts(const session& s, CK_OBJECT_HANDLE key, const std::string& name) {
  const auto type = number<CK_KEY_TYPE>(s, key, CKA_KEY_TYPE);
  if (!type || (*type != CKK_RSA && *type != CKK_ECDSA)) {
    return config_failure(errc::key_type_unsupported, name,
                          "its CKA_KEY_TYPE is " + (type ? std::to_string(*type) : "unreadable"),
                          "use an RSA or EC key");
  }
  key_facts facts{.kind = {.type = *type}};
  der::bytes curve;
  if (*type == CKK_ECDSA && s.attribute(key, CKA_EC_PARAMS, curve) == CKR_OK) {
    facts.kind.order_size = curve_order_size(curve);
  }
  facts.can_sign = number<CK_BBOOL>(s, key, CKA_SIGN).value_or(CK_TRUE) != CK_FALSE;
  facts.always_authenticate = number<CK_BBOOL>(s, key, CKA_ALWAYS_AUTHENTICATE).value_or(CK_FALSE) != CK_FALSE;
  return facts;
}

std::string fingerprint(der::view public_key) { return "SHA256:" + sha256_hex(public_key); }

}  // namespace sluice::inline v0::pkcs11
