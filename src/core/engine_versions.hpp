// SPDX-License-Identifier: Apache-2.0
// s2n's numbers for the versions of TLS, and their names.
#pragma once

#include "sluice/policy.hpp"

#include <string>

namespace sluice {
inline namespace v0 {
namespace internal {

int s2n_version(tls_version version) noexcept;
std::string version_text(int version);  // "TLSv1.3"; "unknown"

}  // namespace internal
}  // namespace v0
}  // namespace sluice
