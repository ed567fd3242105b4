// SPDX-License-Identifier: Apache-2.0
// Private keys that are encrypted, and the one form that they are kept in. All the cryptography is AWS-LC's.
#pragma once

#include "core/base/handles.hpp"
#include "core/x509/pem.hpp"
#include "sluice/password.hpp"

#include <string>

namespace sluice {
inline namespace v0 {
namespace internal {

// The same key, not encrypted: PKCS#8 for PKCS#8, the traditional form for a traditional one. A key that is not
// encrypted is handed back, and no password is asked for. errc::password_needed, wrong_password, or unsupported_key
// when AWS-LC does not know the encryption.
result<pem_object> unlock(pem_object key, const std::string& where, const password_source& password);

// key_match.cpp. Null: AWS-LC does not understand it.
pkey_handle parse_private_key(const pem_object& object);

// The key as PKCS#8, not encrypted. unsupported_key: AWS-LC cannot write it.
result<pem_object> as_pkcs8(const EVP_PKEY* key, const std::string& where);

// The same key as PKCS#8, with its public half. bad_pem: it is not understood.
result<pem_object> completed(const pem_object& key, const std::string& where);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
