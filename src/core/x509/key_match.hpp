// SPDX-License-Identifier: Apache-2.0
// Does this private key belong to that certificate, and can s2n use it at all?
#pragma once

#include "core/x509/pem.hpp"
#include "sluice/certificate.hpp"
#include "sluice/private_key.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// Does it belong to the first of `chain`? errc::unsupported_key or key_mismatch, naming both sides.
result<void> check_key_in_memory(const pem_object& key, std::span<const certificate> chain, const std::string& where);
result<void> check_key_elsewhere(private_key& key, std::span<const certificate> chain,
                                 std::chrono::milliseconds timeout);

bool is_private_key(const pem_object& object);     // does AWS-LC understand it?
bool lacks_public_half(const pem_object& object);  // a key of SEC 1 without it
bool is_of_key(const certificate& leaf, const pem_object& key);

// Is `signature` over `digest` good for the certificate's key?
bool verifies(const certificate& leaf, signature_scheme scheme, std::span<const std::byte> digest,
              std::span<const std::byte> signature);

// The same for a SubjectPublicKeyInfo.
bool verifies(std::span<const std::byte> public_key, signature_scheme scheme, std::span<const std::byte> digest,
              std::span<const std::byte> signature);

// A SubjectPublicKeyInfo in the one form that AWS-LC writes, so that equal keys are equal bytes. Nothing for what
// AWS-LC cannot parse.
std::optional<std::vector<std::byte>> normal_public_key(std::span<const std::byte> der);

// Did `issuer` sign `subject`? Names and signature; nothing is said of what `issuer` may do.
bool is_issuer(const certificate& issuer, const certificate& subject);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
