// SPDX-License-Identifier: Apache-2.0
// Digests, signatures and certificate requests made with a key that signs for itself.
#pragma once

#include "sluice/private_key.hpp"
#include "sluice/result.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testkit {

// The digest of `data` that the scheme signs, as a request.
sign_request digest_to_sign(signature_scheme scheme, std::span<const std::byte> data);
// Is it that key's signature over the request's digest? `public_key` is a SubjectPublicKeyInfo.
bool verifies(std::span<const std::byte> public_key, const sign_request& request, std::span<const std::byte> signature);
// Schemes that TLS may ask of such a key, the usual one first; none when TLS cannot use it.
std::vector<signature_scheme> schemes_for(std::span<const std::byte> public_key);

std::string base64(std::span<const std::byte> bytes);

struct request_options {
  std::string subject;             // "CN=example.org,O=Example", "/CN=example.org/O=Example" or a common name alone
  std::vector<std::string> names;  // as in leaf_options
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
};

// A PKCS#10 certificate request (RFC 2986) in PEM, signed by `key`. errc::bad_name for a subject that is none.
result<std::string> make_request(private_key& key, std::span<const std::byte> public_key,
                                 const request_options& options);

}  // namespace sluice::testkit
