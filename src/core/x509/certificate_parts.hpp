// SPDX-License-Identifier: Apache-2.0
// What a certificate is made of, for the core's own use.
#pragma once

#include "core/base/handles.hpp"
#include "sluice/certificate.hpp"

namespace sluice {
inline namespace v0 {

// Read once, by from_der(), and never written afterwards, which is why copies of a certificate can share it between
// threads. `x509` is for AWS-LC calls that only read; what they cache inside is guarded by AWS-LC itself.
struct certificate::parts {
  internal::x509_handle x509;
  std::vector<std::byte> der;
  std::vector<std::byte> spki, subject_der, issuer_der, serial_der;
  std::string subject, issuer, serial, key;
  std::vector<alternative_name> names;
  std::vector<std::string> issuer_urls;
  std::chrono::sys_seconds valid_from, valid_until;
};

namespace internal {

std::string subject_of(const X509* x509);
std::string name_of_der(std::span<const std::byte> der);  // of a Name, as subject(); empty when it is none
bool matches_host(const X509* x509, std::string_view host, bool common_name_counts = false);
bool matches_ip(const X509* x509, std::string_view literal);
std::string key_description(const EVP_PKEY* key);
std::string hexadecimal(std::span<const std::byte> bytes);

// The nearest time that system_clock can hold, from 1900 on, so that the distance from now fits as well.
std::chrono::system_clock::time_point saturated(std::chrono::sys_seconds time) noexcept;

// An IP literal as the bytes of an iPAddress entry: 4 or 16; empty when it is not one.
std::string ip_bytes(std::string_view literal);
bool is_ip_literal(std::string_view text);

}  // namespace internal

}  // namespace v0
}  // namespace sluice
