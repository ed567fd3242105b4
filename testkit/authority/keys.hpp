// SPDX-License-Identifier: Apache-2.0
// Keys in memory, for the authority and the token verbs.
#pragma once

#include "testkit/authority/authority.hpp"
#include "sluice/private_key.hpp"

#include <openssl/evp.h>

namespace sluice::testkit {

const EVP_MD* md_of(digest_kind kind);
const EVP_MD* digest_for(const EVP_PKEY* key, std::string_view name);  // null for Ed25519, which takes none
// A subjectAltName's text from names as in leaf_options.
std::string alternative_names(const std::vector<std::string>& names);
bssl::UniquePtr<EVP_PKEY> parse_public_key(std::span<const std::byte> spki);

// What AWS-LC complains of, as a failure.
failure crypto_failure(std::string where);
// What was given is at fault: a cause of its own, and none of the engine's words.
failure unfit(errc cause, std::string where, std::string detail, std::string remedy);

}  // namespace sluice::testkit
