// SPDX-License-Identifier: Apache-2.0
// What is in a PKCS#12 file (RFC 7292). All the cryptography is AWS-LC's.
#pragma once

#include "core/x509/pem.hpp"
#include "sluice/certificate.hpp"
#include "sluice/password.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// Certificates are in the file's order, which means nothing.
struct pkcs12_bag {
  std::vector<certificate> certificates;
  std::optional<pem_object> key;  // PKCS#8, not encrypted
};

// errc::password_needed, wrong_password, bad_der or unsupported_key. Without a source the empty password is tried.
result<pkcs12_bag> open_pkcs12(std::string_view bytes, const std::string& where, const password_source& password);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
