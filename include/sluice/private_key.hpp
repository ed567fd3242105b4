// SPDX-License-Identifier: Apache-2.0
// The interface of private keys that are kept outside the engine: in a token, in another process, across a network.
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

namespace sluice {
inline namespace v0 {

// The SignatureScheme code points (RFC 8446 §4.2.3). In TLS 1.2 an ECDSA scheme names the hash alone; the curve is that
// of the key.
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

// The algorithm of a scheme: RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017 §8), ECDSA.
enum class signature_kind : std::uint8_t { rsa_pkcs1, rsa_pss, ecdsa };
// The hash of a scheme. `md5_sha1` is both of them, one after the other (RFC 4346 §7.4.3).
enum class digest_kind : std::uint8_t { md5_sha1, sha1, sha224, sha256, sha384, sha512 };

signature_kind kind_of(signature_scheme scheme) noexcept;      // rsa_pss for the rsae and the pss schemes
digest_kind digest_of(signature_scheme scheme) noexcept;       // the hash that made sign_request::input
std::size_t digest_size(digest_kind digest) noexcept;          // in bytes: 36, 20, 28, 32, 48, 64
std::string_view to_string(signature_scheme scheme) noexcept;  // "ecdsa_secp256r1_sha256"
// Returns the scheme that to_string() names so; empty if there is none.
std::optional<signature_scheme> signature_scheme_from(std::string_view name) noexcept;

// A request for one signature. The input is the digest itself. The signer adds padding, DigestInfo and the PSS salt,
// which is as long as the digest; it returns an ECDSA signature as a DER SEQUENCE of two INTEGERs (RFC 3279 §2.2.3).
struct sign_request {
  signature_scheme scheme{};          // fits the type of the key
  std::array<std::byte, 64> input{};  // the digest, in its first bytes
  std::uint8_t input_size = 0;        // digest_size() of the hash
  // After it the request fails (errc::key_timed_out), and an answer is ignored.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  // The bytes to sign; valid as long as the request.
  std::span<const std::byte> digest() const noexcept { return std::span(input).first(input_size); }
};

namespace internal {
struct signature_slot;
}

// The obligation to answer one sign_request exactly once. It can be moved, not copied. Any thread may answer at any
// time, also after the connection that made the request has been destroyed. If the promise is destroyed unanswered, the
// request fails with errc::key_unavailable.
class signature_promise {
 public:
  signature_promise() noexcept = default;
  signature_promise(signature_promise&&) noexcept = default;
  signature_promise& operator=(signature_promise&& other) noexcept;  // fails the request of a replaced one
  ~signature_promise();

  // They return false if the promise has been answered before. A second answer is ignored, and reported to the observer
  // as a warning, because it is a bug of the key.
  bool set(std::span<const std::byte> signature);
  // Fails the request. Without a code it is errc::key_unavailable; without a place it gets the name of the key; its
  // phase becomes phase::signing.
  bool fail(failure error);

  // Returns false when the result is no longer needed (deadline, cancellation, connection closed by the peer): a queue
  // may then skip the request.
  bool is_wanted() const noexcept;

 private:
  friend struct internal::signature_slot;
  explicit signature_promise(std::shared_ptr<internal::signature_slot> slot) noexcept : slot_(std::move(slot)) {}
  std::shared_ptr<internal::signature_slot> slot_;
};

// Implement this interface for keys of your own. One object serves any number of connections on any number of threads.
class private_key {
 public:
  virtual ~private_key() = default;

  // Accepts the request and returns at once: it is called on the connection's thread and must not block. It may answer
  // the promise before it returns. An exception that it throws counts as errc::key_unavailable.
  virtual void start(const sign_request& request, signature_promise promise) = 0;

  // Returns the public key as SubjectPublicKeyInfo (DER), if it is known without signing. An identity compares it with
  // the certificate. Without it, the identity requests a trial signature and blocks until it is made.
  virtual std::optional<std::vector<std::byte>> public_key() const { return std::nullopt; }

  // Returns a name for failures and logs, "pkcs11:token=web;object=site". It must not contain secrets.
  virtual std::string name() const = 0;
};

// Requests one signature from `key` and blocks until it is made, at most for `timeout`. For set-up and tools only.
result<std::vector<std::byte>> sign_and_wait(private_key& key, sign_request request, std::chrono::milliseconds timeout);

}  // namespace v0
}  // namespace sluice
