// SPDX-License-Identifier: Apache-2.0
// What a password is needed for: encrypted private keys and PKCS#12 files. All the cryptography is AWS-LC's.
#pragma once

#include "core/base/handles.hpp"
#include "core/x509/pem.hpp"
#include "sluice/certificate.hpp"
#include "sluice/password.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0::internal {

// The same key, not encrypted: PKCS#8 for PKCS#8, the traditional form for a traditional one. A key that is not
// encrypted is handed back, and nobody is asked. errc::password_needed, wrong_password, or unsupported_key when
// AWS-LC does not know the encryption.
result<pem_object> unlock(pem_object key, const std::string& where, const password_source& password);

pkey_handle parse_private_key(const pem_object& object);  // null: AWS-LC does not understand it

// The same key as PKCS#8, with its public half. bad_pem: it is not understood.
result<pem_object> completed(const pem_object& key, const std::string& where);

// What a PKCS#12 file holds. Certificates are in the file's order, which means nothing.
struct pkcs12_bag {
  std::vector<certificate> certificates;
  std::optional<pem_object> key;  // PKCS#8, not encrypted
};

// errc::password_needed, wrong_password, bad_der or unsupported_key. Without a source the empty password is tried.
result<pkcs12_bag> open_pkcs12(std::string_view bytes, const std::string& where, const password_source& password);

}  // namespace sluice::inline v0::internal
