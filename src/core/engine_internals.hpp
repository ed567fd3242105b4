// SPDX-License-Identifier: Apache-2.0
// What s2n exports and does not publish: if it goes, linking fails.
#pragma once

#include <s2n.h>

#include <cstdint>

namespace sluice {
inline namespace v0 {
namespace internal {

// In the client-hello callback, for a hello without supported_versions: settles `version` (33 for TLS 1.2) as the one
// the client means. s2n chooses groups before it has looked at the version in such a hello, takes a group of TLS 1.3
// alone, and then has none for TLS 1.2. Answers false when the policy does not speak that version.
bool settle_client_version(s2n_connection* connection, std::uint8_t version) noexcept;

}  // namespace internal
}  // namespace v0
}  // namespace sluice
