// SPDX-License-Identifier: Apache-2.0
// How keys and PKCS#12 files that are encrypted fail to open.
#pragma once

#include "sluice/password.hpp"
#include "sluice/result.hpp"

#include <string>

namespace sluice {
inline namespace v0 {
namespace internal {

failure password_needed(const std::string& where, const std::string& detail);
failure wrong_password(const std::string& where,
                       const std::string& detail = "it does not open the key, or the file is damaged");
failure unsupported_encryption(const std::string& where);

// What AWS-LC's errors since they were last cleared come to; clears them.
enum class unlock_error { password, algorithm, other };
unlock_error take_unlock_error();

// Empty without a source.
result<secret> ask_password(const password_source& source, const std::string& where);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
