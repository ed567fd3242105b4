// SPDX-License-Identifier: Apache-2.0
// Finding one key, and reading its attributes from the token.
#pragma once

#include "pkcs11/session.hpp"
#include "sluice/pkcs11/uri.hpp"

#include <optional>
#include <string>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// Exactly one key; several objects with the same public key are one. errc::key_not_found lists the private keys that
// are there, key_ambiguous those that fit.
result<CK_OBJECT_HANDLE> find_one(const session& s, const object_search& wanted, const std::string& name,
                                  const std::string& token);

// What may be the key's other half, each a SubjectPublicKeyInfo in the one form that AWS-LC writes. What cannot be
// parsed, or is of another kind than the key, counts as absent.
// A token need not connect a private key with anything: id and label are conventions, which is why doubt is part of the
// answer.
struct public_half {
  std::vector<der::bytes> candidates;
  // The only one, and the key's own or beside it under the same CKA_ID and label. Others have to be tried: keys share
  // an id, and certificates of former keys a label.
  bool is_certain = false;
  std::size_t objects = 0;  // that say so beside the key; 0: the key itself does
};
public_half find_public_half(const session& s, CK_OBJECT_HANDLE key, const object_search& search);

// The only candidate; nothing where there is none, or more than one.
std::optional<der::bytes> read_public_key(const session& s, CK_OBJECT_HANDLE key, const object_search& search);

// The key's public half where it is certain and not the one that is known.
std::optional<der::bytes> replacement_of(const der::bytes& known, const session& s, CK_OBJECT_HANDLE key,
                                         const object_search& search);

// Of the curve that is named in CKA_EC_PARAMS or in a SubjectPublicKeyInfo: its order, in bytes. 0: another curve.
std::size_t curve_order_size(der::view parameters);

struct key_facts {
  key_kind kind;
  bool can_sign = true;
  bool always_authenticate = false;
};
result<key_facts> read_facts(const session& s, CK_OBJECT_HANDLE key, const std::string& name);

// "SHA256:…", of a SubjectPublicKeyInfo.
std::string fingerprint(der::view public_key);

std::string object_uri(const session& s, CK_OBJECT_HANDLE object);

// "it has URI, URI and 3 more", of objects; sorted, and not more than people read.
std::string list_objects(const session& s, std::span<const CK_OBJECT_HANDLE> objects, std::string_view verb);

// What to do where nothing has that id: it may have been meant as hexadecimal. Otherwise `usual`.
std::string id_remedy(const std::optional<std::vector<std::byte>>& id, std::string usual);

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
