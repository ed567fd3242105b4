// SPDX-License-Identifier: Apache-2.0
// Handshakes in memory with a key as a server would use it: `token doctor` reports what `serve` will do.
#pragma once

#include "sluice/context.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

// A policy of TLS 1.2 that does without RSASSA-PSS, for RSA keys in tokens that cannot make it.
inline constexpr auto policy_without_pss = "ELBSecurityPolicy-FS-1-2-2019-08";

// One handshake of that version between a server with those options and a client of ours that takes any certificate.
// Returns nothing if the handshake succeeded. The token signs once. Client certificates and observers are left out.
std::optional<failure> rehearse(const server_options& options, tls_version version);

// What clients refuse whatever the token can do: an RSA key below 2048 bits. `where` names the key.
std::optional<failure> weakness_of(std::span<const std::byte> public_key, const std::string& where);

// Does an RSA key's token, from whose answer the failure is, have no RSASSA-PSS?
bool lacks_pss(const failure& error, std::span<const std::byte> public_key);

// What a server with a key in a token will not do: for each identity with such a key, each version that the options
// allow. Throws where no version works with one of them, with the cause; answers what clients of one version will meet.
std::vector<failure> rehearse_all(const server_options& options);

}  // namespace sluice::tool
