// SPDX-License-Identifier: Apache-2.0
// Finding one key, and reading what the token tells about it.
#pragma once

#include "pkcs11/session.hpp"
#include "sluice/pkcs11/uri.hpp"

#include <optional>
#include <string>

namespace sluice::inline v0::pkcs11 {

// Exactly one object. errc::key_not_found and key_ambiguous list the private keys that are there.
result<CK_OBJECT_HANDLE> find_one(const session& s, const object_search& wanted, const std::string& name,
                                  const std::string& token);

// SubjectPublicKeyInfo: from the key itself, or from the public key or certificate beside it (same CKA_ID, else
// label). Nothing where the token holds neither.
std::optional<der::bytes> read_public_key(const session& s, CK_OBJECT_HANDLE key, const object_search& search);

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

}  // namespace sluice::inline v0::pkcs11
