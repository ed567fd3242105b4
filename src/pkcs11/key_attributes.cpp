// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/key_attributes.hpp"

#include "core/x509/key_match.hpp"
#include "sluice/certificate.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// A value of another size than the type has is a mistake of the module, and counts as absent.
template <class T>
std::optional<T> number(const session& s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  der::bytes value;
  if (s.attribute(object, type, value) != CKR_OK || value.size() != sizeof(T)) return std::nullopt;
  T made;
  std::memcpy(&made, value.data(), sizeof made);
  return made;
}

// An attribute may be there and hold nothing.
std::optional<der::bytes> filled(const session& s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  der::bytes value;
  if (s.attribute(object, type, value) != CKR_OK || value.empty()) return std::nullopt;
  return value;
}

std::optional<std::string> text_of(const session& s, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  const auto value = filled(s, object, type);
  if (!value) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(value->data()), value->size());
}

// Of a private or a public key, by its own attributes.
// CKA_PUBLIC_KEY_INFO is of PKCS#11 v2.40; older modules have the numbers alone. Whatever it is made from, it goes
// through AWS-LC, which rejects a point that is not on the curve, and which writes equal keys as equal bytes.
std::optional<der::bytes> public_key_from(const session& s, CK_OBJECT_HANDLE object) {
  if (const auto info = filled(s, object, CKA_PUBLIC_KEY_INFO)) {
    if (auto parsed = sluice::internal::normal_public_key(*info)) return parsed;
  }
  const auto type = number<CK_KEY_TYPE>(s, object, CKA_KEY_TYPE);
  const bool is_rsa = type == CKK_RSA;
  if (!is_rsa && type != CKK_ECDSA) return std::nullopt;
  const auto first = filled(s, object, is_rsa ? CKA_MODULUS : CKA_EC_PARAMS);
  const auto second = filled(s, object, is_rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT);
  if (!first || !second) return std::nullopt;
  if (is_rsa) return sluice::internal::normal_public_key(der::rsa_public_key(*first, *second));
  for (const auto& point : der::ec_points(*second)) {
    if (auto parsed = sluice::internal::normal_public_key(der::ec_public_key(*first, point))) return parsed;
  }
  return std::nullopt;
}

std::optional<der::bytes> public_key_of_certificate(const session& s, CK_OBJECT_HANDLE object) {
  const auto value = filled(s, object, CKA_VALUE);
  const auto parsed = value ? certificate::from_der(*value) : result<certificate>(failure());
  if (!parsed) return std::nullopt;
  return sluice::internal::normal_public_key(parsed->public_key());
}

// The key's type and curve, as far as it says: what its public half must have as well.
// Objects are found by id and label, which people choose: a certificate with the right label may be of another key, and
// often its family shows that without a signature.
class key_family {
 public:
  key_family(const session& s, CK_OBJECT_HANDLE key)
      : type_(number<CK_KEY_TYPE>(s, key, CKA_KEY_TYPE)), curve_(filled(s, key, CKA_EC_PARAMS)) {}

  bool has(der::view public_key) const {
    if (type_ == CKK_RSA) return der::is_of_rsa(public_key);
    if (type_ != CKK_ECDSA) return true;
    const bool is_named = curve_ && curve_->front() == std::byte{0x06};
    return !der::is_of_rsa(public_key) && (!is_named || der::is_of_curve(public_key, *curve_));
  }

 private:
  std::optional<CK_KEY_TYPE> type_;
  std::optional<der::bytes> curve_;
};

// Public keys of those objects, each once.
std::vector<der::bytes> public_keys_of(const session& s, const object_search& search, const key_family& family,
                                       std::size_t& objects) {
  std::vector<CK_OBJECT_HANDLE> found;
  std::vector<der::bytes> all;
  objects = 0;
  if (s.find(search, found) != CKR_OK) return all;
  for (const auto one : found) {
    auto read = search.type == CKO_PUBLIC_KEY ? public_key_from(s, one) : public_key_of_certificate(s, one);
    if (!read || !family.has(*read)) continue;
    ++objects;
    if (std::ranges::find(all, *read) == all.end()) all.push_back(std::move(*read));
  }
  return all;
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
  if (s.find({.type = CKO_PRIVATE_KEY}, all) != CKR_OK || all.empty()) return "it has no private key that we can see";
  return list_objects(s, all, "it has");
}

// The key's public half, if it cannot be another's. Keys that share id and label share what is beside them too: then
// there must be as much of it as there are keys.
std::optional<der::bytes> undoubted_public_key(const session& s, CK_OBJECT_HANDLE key, const object_search& wanted) {
  auto half = find_public_half(s, key, wanted);
  if (!half.is_certain) return std::nullopt;
  if (half.objects > 0) {
    object_search twins{.label = text_of(s, key, CKA_LABEL), .id = filled(s, key, CKA_ID)};
    std::vector<CK_OBJECT_HANDLE> found;
    if (s.find(twins, found) != CKR_OK || found.size() > half.objects) return std::nullopt;
  }
  return std::move(half.candidates.front());
}

// One of several that are the same key, if possible one that signs; nothing where they differ, or may.
// All or nothing: one object whose public half is in doubt is reason enough to report key_ambiguous. A wrong guess
// would be found by the peer only, as a signature that does not verify.
std::optional<CK_OBJECT_HANDLE> the_same(const session& s, const std::vector<CK_OBJECT_HANDLE>& found,
                                         const object_search& wanted) {
  std::optional<der::bytes> first;
  std::optional<CK_OBJECT_HANDLE> chosen;
  for (const auto one : found) {
    auto own = undoubted_public_key(s, one, wanted);
    if (!own || (first && *own != *first)) return std::nullopt;
    first = std::move(own);
    if (!chosen && number<CK_BBOOL>(s, one, CKA_SIGN).value_or(CK_TRUE) != CK_FALSE) chosen = one;
  }
  return chosen ? chosen : found.front();
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

std::string list_objects(const session& s, std::span<const CK_OBJECT_HANDLE> objects, std::string_view verb) {
  constexpr std::size_t most = 16;
  std::vector<std::string> uris;
  for (const auto one : objects.first(std::min(objects.size(), most))) uris.push_back(object_uri(s, one));
  std::ranges::sort(uris);
  std::string text(verb);
  for (const auto& one : uris) text += (&one == &uris.front() ? " " : ", ") + one;
  if (objects.size() > most) text += " and " + std::to_string(objects.size() - most) + " more";
  return text;
}

std::string id_remedy(const std::optional<std::vector<std::byte>>& id, std::string usual) {
  const auto meant = id ? id_read_as_hexadecimal(*id) : std::nullopt;
  if (!meant) return usual;
  uri as_given, as_meant;
  as_given.id = id;
  as_meant.id = meant;
  const auto text = [](const uri& u) { return u.to_string().substr(std::string_view("pkcs11:").size()); };
  return "an id is written byte by byte with a % before each: two characters such as 85 are not the byte 85; if "
         "hexadecimal was meant, " +
         text(as_given) + " is to be " + text(as_meant);
}

result<CK_OBJECT_HANDLE> find_one(const session& s, const object_search& wanted, const std::string& name,
                                  const std::string& token) {
  std::vector<CK_OBJECT_HANDLE> found;
  const auto rv = s.find(wanted, found);
  if (rv != CKR_OK) {
    auto error = ckr_failure(rv, name, "C_FindObjects");
    error.token = token;
    return error;
  }
  if (found.size() == 1) return found.front();
  if (!found.empty()) {
    if (const auto one = the_same(s, found, wanted)) return *one;
  }
  auto error = found.empty() ? make_failure(errc::key_not_found, name, list_keys(s),
                                            id_remedy(wanted.id, "correct the object or id in the URI"))
                             : make_failure(errc::key_ambiguous, name, list_objects(s, found, "it has"),
                                            "name its id as well as its label");
  error.token = token;
  return error;
}

public_half find_public_half(const session& s, CK_OBJECT_HANDLE key, const object_search& search) {
  if (auto own = public_key_from(s, key)) return {.candidates = {std::move(*own)}, .is_certain = true};
  const auto id = filled(s, key, CKA_ID);
  auto label = text_of(s, key, CKA_LABEL);
  if (!label) label = search.label;
  std::vector<object_search> ways;
  if (id && label) ways.push_back({.label = label, .id = id});
  if (id) ways.push_back({.label = {}, .id = id});
  if (label) ways.push_back({.label = label, .id = {}});
  const key_family family(s, key);
  public_half made;
  for (auto& way : ways) {
    for (const auto type : {CKO_PUBLIC_KEY, CKO_CERTIFICATE}) {
      way.type = type;
      std::size_t objects = 0;
      auto here = public_keys_of(s, way, family, objects);
      // The ways go from narrow to wide. An id is what connects a key with its objects (PKCS#11 v2.40 §4.7); a label
      // alone never makes a candidate certain.
      const bool is_certain = here.size() == 1 && way.id && (way.label || !label);
      if (is_certain) return {.candidates = std::move(here), .is_certain = true, .objects = objects};
      for (auto& one : here) {
        if (std::ranges::find(made.candidates, one) == made.candidates.end()) made.candidates.push_back(std::move(one));
      }
    }
  }
  return made;
}

std::optional<der::bytes> read_public_key(const session& s, CK_OBJECT_HANDLE key, const object_search& search) {
  auto half = find_public_half(s, key, search);
  if (half.candidates.size() != 1) return std::nullopt;
  return std::move(half.candidates.front());
}

// Only what is certain counts: a certificate that was renewed with a new key lies beside the old key for a while, and
// is no reason to stop signing with it.
std::optional<der::bytes> replacement_of(const der::bytes& known, const session& s, CK_OBJECT_HANDLE key,
                                         const object_search& search) {
  auto half = find_public_half(s, key, search);
  if (!half.is_certain || half.candidates.front() == known) return std::nullopt;
  return std::move(half.candidates.front());
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
    return make_failure(errc::key_type_unsupported, name,
                        "its CKA_KEY_TYPE is " + (type ? std::to_string(*type) : "unreadable"), "use an RSA or EC key");
  }
  key_facts facts{.kind = {.type = *type}};
  der::bytes curve;
  if (*type == CKK_ECDSA && s.attribute(key, CKA_EC_PARAMS, curve) == CKR_OK) {
    facts.kind.order_size = curve_order_size(curve);
  }
  // Attributes that a module does not report have the defaults that harm least: a key that cannot sign shows it by its
  // first signature, and one that needs its PIN each time answers CKR_USER_NOT_LOGGED_IN.
  facts.can_sign = number<CK_BBOOL>(s, key, CKA_SIGN).value_or(CK_TRUE) != CK_FALSE;
  facts.always_authenticate = number<CK_BBOOL>(s, key, CKA_ALWAYS_AUTHENTICATE).value_or(CK_FALSE) != CK_FALSE;
  return facts;
}

std::string fingerprint(der::view public_key) { return "SHA256:" + sha256_hex(public_key); }

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
