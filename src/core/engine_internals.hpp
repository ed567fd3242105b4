// SPDX-License-Identifier: Apache-2.0
// What s2n exports and does not publish: if it goes, linking fails.
#pragma once

#include "core/wire/traffic_secret.hpp"
#include "sluice/context.hpp"

#include <s2n.h>

#include <cstdint>

namespace sluice {
inline namespace v0 {
namespace internal {

// In the client-hello callback, for a hello without supported_versions: settles `version` (33 for TLS 1.2) as the one
// the client means. s2n chooses groups before it has looked at the version in such a hello, takes a group of TLS 1.3
// alone, and then has none for TLS 1.2. Answers false when the policy does not speak that version.
bool settle_client_version(s2n_connection* connection, std::uint8_t version) noexcept;

// What the connection was given last; null for s2n's default, which it has before.
s2n_config* configuration_of(s2n_connection* connection) noexcept;

// The traffic secret of TLS 1.3 under which `sender` sends in that stage. Empty where s2n has none yet, and for the
// first two stages once it has finished its handshake. The key log would have the same, as text. It changes s2n_errno,
// and what s2n remembers of its last error.
traffic_secret secret_of(s2n_connection* connection, secret_stage at, role sender) noexcept;

}  // namespace internal
}  // namespace v0
}  // namespace sluice
