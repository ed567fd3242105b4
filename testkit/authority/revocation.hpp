// SPDX-License-Identifier: Apache-2.0
// What an authority does besides issuing: reading requests, revoking, bundling.
#pragma once

#include "testkit/authority/authority.hpp"

namespace sluice::testkit {

struct certificate_request {
  std::vector<std::byte> public_key;  // SubjectPublicKeyInfo
  std::string common_name;            // empty: none
  std::vector<std::string> names;     // as in leaf_options
};

// PEM or DER. Its signature is checked: it proves possession of the key.
result<certificate_request> read_request(std::string_view text, const std::string& where);

struct revoked {
  std::string serial;  // hexadecimal
  std::chrono::system_clock::time_point when;
};

// A revocation list (RFC 5280 §5), PEM, good from now on for `validity`.
result<std::string> make_revocation_list(const authority& issuer, std::span<const revoked> entries,
                                         unsigned long number, std::chrono::hours validity);

// A PKCS#12 file: the key, its certificate, and those above it.
result<std::string> bundle(const issued& one, const std::string& name, std::string_view password);

}  // namespace sluice::testkit
