// SPDX-License-Identifier: Apache-2.0
// A private key that may live elsewhere: in memory, in a token, behind a network.
#pragma once

#include "sluice/result.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

// What a signature must be made with: SignatureScheme code points (RFC 8446 §4.2.3). In TLS 1.2 an ECDSA scheme
// names the hash alone: the curve is that of the key.
enum class signature_scheme : std::uint16_t {
  rsa_pkcs1_sha1 = 0x0201,
  ecdsa_sha1 = 0x0203,
  rsa_pkcs1_sha224 = 0x0301,
  ecdsa_sha224 = 0x0303,
  rsa_pkcs1_sha256 = 0x0401,
  ecdsa_secp256r1_sha256 = 0x0403,
  rsa_pkcs1_sha384 = 0x0501,
  ecdsa_secp384r1_sha384 = 0x0503,
  rsa_pkcs1_sha512 = 0x0601,
  ecdsa_secp521r1_sha512 = 0x0603,
  rsa_pss_rsae_sha256 = 0x0804,
  rsa_pss_rsae_sha384 = 0x0805,
  rsa_pss_rsae_sha512 = 0x0806,
  rsa_pss_pss_sha256 = 0x0809,
  rsa_pss_pss_sha384 = 0x080a,
  rsa_pss_pss_sha512 = 0x080b,
  rsa_pkcs1_md5_sha1 = 0xff01,  // TLS 1.0 and 1.1 with RSA: 36 bytes, no DigestInfo; not an assigned code point
};

enum class signature_kind : std::uint8_t { rsa_pkcs1, rsa_pss, ecdsa };
enum class digest_kind : std::uint8_t { md5_sha1, sha1, sha224, sha256, sha384, sha512 };

signature_kind kind_of(signature_scheme scheme) noexcept;
digest_kind digest_of(signature_scheme scheme) noexcept;
std::size_t digest_size(digest_kind digest) noexcept;         // in bytes: 36, 20, 28, 32, 48, 64
std::string_view to_string(signature_scheme scheme) noexcept;  // "ecdsa_secp256r1_sha256"
std::optional<signature_scheme> signature_scheme_from(std::string_view name) noexcept;

// One signature to make. The input is the digest itself; padding, DigestInfo and PSS salt (as long as the digest)
// are the signer's part, and an ECDSA signature is a DER SEQUENCE of two INTEGERs (RFC 3279 §2.2.3).
struct sign_request {
  signature_scheme scheme{};
  std::array<std::byte, 64> input{};
  std::uint8_t input_size = 0;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  std::span<const std::byte> digest() const noexcept { return std::span(input).first(input_size); }
};

namespace internal {
struct signature_slot;
}

// The obligation to answer one sign_request, exactly once. Move-only. Any thread, at any time, even after the
// connection that asked is gone. Dropping it unanswered answers errc::key_unavailable.
class signature_promise {
 public:
  signature_promise() noexcept = default;
  signature_promise(signature_promise&&) noexcept = default;
  signature_promise& operator=(signature_promise&& other) noexcept;
  ~signature_promise();

  // False when the promise was answered before: the second answer is refused, and reported to the observer as
  // a warning, since it is a bug in the key.
  bool set(std::span<const std::byte> signature);
  bool fail(failure why);

  // False once nobody waits any more (deadline, cancellation, peer gone): a queue may skip the work.
  bool is_wanted() const noexcept;

 private:
  friend struct internal::signature_slot;
  explicit signature_promise(std::shared_ptr<internal::signature_slot> slot) noexcept : slot_(std::move(slot)) {}
  std::shared_ptr<internal::signature_slot> slot_;
};

// Implement this to sign elsewhere. One object serves any number of connections on any number of threads.
class private_key {
 public:
  virtual ~private_key() = default;

  // Takes the work and returns at once: called on a connection's thread, which must not wait. The promise may be
  // answered before this returns. An exception that leaves it counts as errc::key_unavailable.
  virtual void start(const sign_request& request, signature_promise promise) = 0;

  // The public half as SubjectPublicKeyInfo (DER), where it is known without signing. An identity compares it
  // with the certificate; without it, it asks for one trial signature instead, and waits for that.
  virtual std::optional<std::vector<std::byte>> public_key() const { return std::nullopt; }

  // For failures and logs: "pkcs11:token=web;object=site". No secrets.
  virtual std::string name() const = 0;
};

// Asks `key` for one signature and waits for it, at most `timeout`. Set-up and tools only: it blocks.
result<std::vector<std::byte>> sign_and_wait(private_key& key, sign_request request,
                                             std::chrono::milliseconds timeout);

}  // namespace sluice::inline v0
