// SPDX-License-Identifier: Apache-2.0
// A read-only view of one X.509 certificate (RFC 5280).
#pragma once

#include "sluice/result.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

// One entry of subjectAltName. `value` is text: "*.example.org", "2001:db8::1", "spiffe://…".
struct alternative_name {
  enum class kind { dns, ip, uri, email, other } type = kind::other;
  std::string value;
};

// Immutable; copies share the same bytes. Any thread.
class certificate {
 public:
  // Every certificate of a PEM text, in order. Text between the objects is ignored, other objects are skipped.
  // errc::bad_pem names the object ("certificate 2 of 3"), errc::no_certificate when there is none; nothing is
  // half-loaded. `where` stands in failure.where: a file name, or what the caller calls the text.
  static result<std::vector<certificate>> from_pem(std::string_view pem, std::string_view where = "memory");
  static result<std::vector<certificate>> from_pem_file(const std::string& path);
  // PEM as above, or a single certificate in DER, told by its first bytes. Damaged DER is errc::bad_der.
  static result<std::vector<certificate>> from_memory(std::string_view bytes, std::string_view where = "memory");
  static result<std::vector<certificate>> from_file(const std::string& path);
  static result<certificate> from_der(std::span<const std::byte> der, std::string_view where = "memory");

  const std::string& subject() const noexcept;  // "CN=example.org,O=Example" (RFC 2253); may be empty
  const std::string& issuer() const noexcept;
  const std::string& serial() const noexcept;  // hexadecimal; "00" is zero, "-7fff" a negative one
  const std::string& key() const noexcept;     // "ECDSA P-256", "RSA 2048", "Ed25519"
  // As system_clock counts them: a date before 1900 or after 2262-04-11 is given as that day.
  std::chrono::system_clock::time_point not_before() const noexcept;
  std::chrono::system_clock::time_point not_after() const noexcept;
  // As they are written, up to the year 9999. To be compared with seconds only: system_clock's nanoseconds overflow.
  std::chrono::sys_seconds valid_from() const noexcept;
  std::chrono::sys_seconds valid_until() const noexcept;
  // True when it is written as 99991231235959Z, which means that it has no end (RFC 5280 §4.1.2.5).
  bool has_no_end() const noexcept;
  const std::vector<alternative_name>& names() const noexcept;
  // Where its issuer's certificate can be had, by its own word (caIssuers, RFC 5280 §4.2.2.1). Never fetched here.
  const std::vector<std::string>& issuer_urls() const noexcept;

  std::span<const std::byte> der() const noexcept;
  std::span<const std::byte> subject_der() const noexcept;
  std::span<const std::byte> issuer_der() const noexcept;
  std::span<const std::byte> serial_der() const noexcept;  // an INTEGER
  std::span<const std::byte> public_key() const noexcept;  // SubjectPublicKeyInfo, DER
  std::string sha256() const;                              // fingerprint, lower-case hexadecimal
  std::string to_pem() const;

  // RFC 6125 against dNSName entries only, one left-most wildcard label; and RFC 5280 against iPAddress entries
  // only. The common name is never consulted.
  bool matches_host(std::string_view host) const;
  bool matches_ip(std::string_view literal) const;

 private:
  friend class identity;
  struct parts;
  explicit certificate(std::shared_ptr<const parts> p) noexcept : parts_(std::move(p)) {}
  std::shared_ptr<const parts> parts_;
};

// SHA-256 of any bytes, in lower-case hexadecimal: fingerprints of certificates and keys.
std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace sluice::inline v0
