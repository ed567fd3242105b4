// SPDX-License-Identifier: Apache-2.0
// What s2n shows of a peer's chain besides the verified certificates.
#pragma once

#include "core/chain_memory.hpp"
#include "sluice/context.hpp"

#include <s2n.h>

#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// Does the leaf's key sign? With RSA key exchange, in TLS 1.2 and before, a server's key deciphers.
bool leaf_signs(s2n_connection* conn, role judge) noexcept;

// On a server, the certificates that the client sent, leaf first; empty on a client, and for a list that is malformed.
std::vector<der_view> sent_by_client(s2n_connection* conn, role judge);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
