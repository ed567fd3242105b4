// SPDX-License-Identifier: Apache-2.0
// An X.509 certificate (RFC 5280), for reading.
#pragma once

#include "sluice/result.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {

// One entry of subjectAltName. `value` is text: "*.example.org", "2001:db8::1", "spiffe://…".
struct alternative_name {
  // The types of GeneralName (RFC 5280 §4.2.1.6). `value` is empty for `other`, which stands for all that have no text.
  enum class kind { dns, ip, uri, email, other } type = kind::other;  // of `value`
  std::string value;  // an IP address that has neither 4 nor 16 bytes is "invalid"
};

// A certificate is immutable; copies share the same bytes. Any thread may use it.
class certificate {
 public:
  // Reads every certificate of a PEM text, in order. Text between the objects is ignored, objects of other types are
  // skipped. Errors: errc::bad_pem, which names the object ("certificate 2 of 3"), and errc::no_certificate; nothing is
  // loaded then. `where` appears in failure.where: the name of the file, or the caller's name for the text.
  static result<std::vector<certificate>> from_pem(std::string_view pem, std::string_view where = "memory");
  // Reads a file as from_pem() reads its text. Errors too: errc::file_not_found and errc::file_unreadable.
  static result<std::vector<certificate>> from_pem_file(const std::string& path);
  // Reads PEM as above, or a single certificate in DER, detected by the first bytes. Malformed DER is errc::bad_der.
  static result<std::vector<certificate>> from_memory(std::string_view bytes, std::string_view where = "memory");
  // Reads a file as from_memory() reads its bytes. Errors too: errc::file_not_found and errc::file_unreadable.
  static result<std::vector<certificate>> from_file(const std::string& path);
  // Reads one certificate that fills `der` to its end; anything else is errc::certificate_malformed. The bytes are
  // copied.
  static result<certificate> from_der(std::span<const std::byte> der, std::string_view where = "memory");

  const std::string& subject() const noexcept;  // "CN=example.org,O=Example" (RFC 2253); may be empty
  const std::string& issuer() const noexcept;   // in the same form
  const std::string& serial() const noexcept;   // hexadecimal; "00" is zero, "-7fff" a negative one
  const std::string& key() const noexcept;      // "ECDSA P-256", "RSA 2048", "Ed25519"
  // The period of validity for system_clock: a date before 1900 or after 2262-04-11 is returned as that day.
  std::chrono::system_clock::time_point not_before() const noexcept;
  // The last moment of the period of validity, within the same limits.
  std::chrono::system_clock::time_point not_after() const noexcept;
  // The period of validity as it is written, up to the year 9999. Compare it with seconds only, because the nanoseconds
  // of system_clock overflow.
  std::chrono::sys_seconds valid_from() const noexcept;
  // The last second of it, without the limits of not_after().
  std::chrono::sys_seconds valid_until() const noexcept;
  // True if the end of validity is 99991231235959Z, which means that there is none (RFC 5280 §4.1.2.5).
  bool has_no_end() const noexcept;
  // The entries of subjectAltName, in order; empty if the certificate has no such extension. The common name is not
  // among them.
  const std::vector<alternative_name>& names() const noexcept;
  // The addresses of the issuer's certificate that the certificate names (caIssuers, RFC 5280 §4.2.2.1). Sluice never
  // fetches them.
  const std::vector<std::string>& issuer_urls() const noexcept;

  std::span<const std::byte> der() const noexcept;          // the whole certificate; valid while a copy of it exists
  std::span<const std::byte> subject_der() const noexcept;  // a Name, to be compared byte by byte
  std::span<const std::byte> issuer_der() const noexcept;   // a Name
  std::span<const std::byte> serial_der() const noexcept;   // an INTEGER
  std::span<const std::byte> public_key() const noexcept;   // SubjectPublicKeyInfo, DER
  std::string sha256() const;                               // the fingerprint, in lower-case hexadecimal
  std::string to_pem() const;                               // one CERTIFICATE object, with its line end

  // Matches a host name against dNSName entries only (RFC 6125; one wildcard as the left-most label), and an IP address
  // against iPAddress entries only (RFC 5280). The common name is never used.
  bool matches_host(std::string_view host) const;
  // Matches an IPv4 or IPv6 address in text form, as matches_host() says. It returns false for anything else.
  bool matches_ip(std::string_view literal) const;

 private:
  friend class identity;
  struct parts;
  explicit certificate(std::shared_ptr<const parts> p) noexcept : parts_(std::move(p)) {}
  std::shared_ptr<const parts> parts_;
};

// Returns the SHA-256 of any bytes in lower-case hexadecimal, for fingerprints of certificates and keys.
std::string sha256_hex(std::span<const std::byte> bytes);

}  // namespace v0
}  // namespace sluice
