// SPDX-License-Identifier: Apache-2.0
#include "sluice/certificate.hpp"

#include "core/base/encoding.hpp"
#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/base/files.hpp"
#include "core/x509/certificate_parts.hpp"
#include "core/x509/host_name.hpp"
#include "core/x509/pem.hpp"

#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace {

using internal::bio_handle;

std::string bio_text(BIO* bio) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(bio, &data, &size) != 1) return {};
  return {reinterpret_cast<const char*>(data), size};
}

std::string name_text(const X509_NAME* name) {
  const bio_handle bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) return {};
  return bio_text(bio.get());
}

// The magnitude is what AWS-LC keeps as bytes, the sign is in the type; zero has no bytes at all.
std::string serial_text(const X509* x509) {
  const auto* serial = X509_get0_serialNumber(x509);
  const std::span bytes(reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(serial)),
                        static_cast<std::size_t>(ASN1_STRING_length(serial)));
  if (bytes.empty()) return "00";
  return (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "-" : "") + internal::hexadecimal(bytes);
}

std::chrono::sys_seconds time_of(const ASN1_TIME* time) {
  int64_t seconds = 0;
  if (ASN1_TIME_to_posix(time, &seconds) != 1) return {};
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

// 9999-12-31 23:59:59
constexpr std::chrono::sys_seconds no_end(std::chrono::seconds(253402300799));

std::string string_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string ip_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int length = ASN1_STRING_length(address);
  const int family = length == 4 ? AF_INET : AF_INET6;
  if (length != 4 && length != 16) return "invalid";
  inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size());
  return text.data();
}

alternative_name to_name(const GENERAL_NAME* name) {
  using kind = alternative_name::kind;
  switch (name->type) {
    case GEN_DNS: return {kind::dns, string_of(name->d.dNSName)};
    case GEN_IPADD: return {kind::ip, ip_text(name->d.iPAddress)};
    case GEN_URI: return {kind::uri, string_of(name->d.uniformResourceIdentifier)};
    case GEN_EMAIL: return {kind::email, string_of(name->d.rfc822Name)};
    default: return {kind::other, ""};
  }
}

std::vector<alternative_name> names_of(const X509* x509) {
  std::vector<alternative_name> names;
  const bssl::UniquePtr<GENERAL_NAMES> list(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  for (std::size_t i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    names.push_back(to_name(sk_GENERAL_NAME_value(list.get(), i)));
  }
  return names;
}

// caIssuers of authorityInfoAccess (RFC 5280 §4.2.2.1).
std::vector<std::string> issuer_urls_of(const X509* x509) {
  std::vector<std::string> urls;
  const bssl::UniquePtr<AUTHORITY_INFO_ACCESS> access(
      static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(x509, NID_info_access, nullptr, nullptr)));
  for (std::size_t i = 0; access && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const auto* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    if (OBJ_obj2nid(one->method) != NID_ad_ca_issuers || one->location->type != GEN_URI) continue;
    urls.push_back(string_of(one->location->d.uniformResourceIdentifier));
  }
  ERR_clear_error();
  return urls;
}

// A certificate that was moved from has nothing in it.
template <class Parts>
const Parts& or_empty(const std::shared_ptr<const Parts>& parts) noexcept {
  static const Parts none{};
  return parts ? *parts : none;
}

std::vector<std::byte> bytes_of(const unsigned char* data, int size) {
  const auto* first = reinterpret_cast<const std::byte*>(data);
  return {first, first + std::max(size, 0)};
}

std::vector<std::byte> spki_of(const X509* x509) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
  auto bytes = bytes_of(der, size);
  OPENSSL_free(der);
  return bytes;
}

std::vector<std::byte> name_der(const X509_NAME* name) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_NAME(const_cast<X509_NAME*>(name), &der);
  auto bytes = bytes_of(der, size);
  OPENSSL_free(der);
  return bytes;
}

std::vector<std::byte> serial_bytes(const X509* x509) {
  unsigned char* der = nullptr;
  const int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(x509), &der);
  auto bytes = bytes_of(der, size);
  OPENSSL_free(der);
  return bytes;
}

std::string key_text(const X509* x509) {
  const auto* key = X509_get0_pubkey(x509);
  ERR_clear_error();
  return key ? internal::key_description(key) : "unknown";
}

}  // namespace

namespace internal {

std::string subject_of(const X509* x509) { return name_text(X509_get_subject_name(x509)); }

std::string name_of_der(std::span<const std::byte> der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const bssl::UniquePtr<X509_NAME> name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  return name ? name_text(name.get()) : std::string();
}

std::string key_description(const EVP_PKEY* key) {
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_RSA: return "RSA " + std::to_string(EVP_PKEY_bits(key));
    case EVP_PKEY_RSA_PSS: return "RSA-PSS " + std::to_string(EVP_PKEY_bits(key));
    case EVP_PKEY_ED25519: return "Ed25519";
    case EVP_PKEY_DSA: return "DSA " + std::to_string(EVP_PKEY_bits(key));
    case EVP_PKEY_PQDSA: return "ML-DSA";
    case EVP_PKEY_EC: break;
    default: return "unknown";
  }
  const auto* ec = EVP_PKEY_get0_EC_KEY(key);
  const char* curve = EC_curve_nid2nist(EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)));
  return std::string("ECDSA ") + (curve ? curve : "unknown curve");
}

bool matches_host(const X509* x509, std::string_view host, bool common_name_counts) {
  const unsigned flags = common_name_counts ? 0 : X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  const bool matched = X509_check_host(const_cast<X509*>(x509), host.data(), host.size(), flags, nullptr) == 1;
  ERR_clear_error();
  return matched;
}

bool matches_ip(const X509* x509, std::string_view literal) {
  const auto bytes = ip_bytes(literal);
  const auto* raw = reinterpret_cast<const uint8_t*>(bytes.data());
  const bool matched = !bytes.empty() && X509_check_ip(const_cast<X509*>(x509), raw, bytes.size(), 0) == 1;
  ERR_clear_error();
  return matched;
}

std::string hexadecimal(std::span<const std::byte> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text += digits[value >> 4];
    text += digits[value & 15];
  }
  return text;
}

std::string ip_bytes(std::string_view literal) {
  if (literal.find('\0') != literal.npos) return {};
  const std::string text(literal);
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return {};
}

bool is_ip_literal(std::string_view text) { return !ip_bytes(text).empty(); }

std::chrono::system_clock::time_point saturated(std::chrono::sys_seconds time) noexcept {
  using clock = std::chrono::system_clock;
  constexpr std::chrono::sys_seconds first(std::chrono::seconds(-2208988800));  // 1900-01-01
  constexpr auto last = std::chrono::floor<std::chrono::seconds>(clock::time_point::max());
  return clock::time_point(std::clamp(time, first, last));
}

}  // namespace internal

result<certificate> certificate::from_der(std::span<const std::byte> der, std::string_view where) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = at + der.size();
  auto p = std::make_shared<parts>();
  p->x509.reset(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  // Asked first: a certificate that could not be read for lack of memory is not malformed.
  if (internal::lacked_memory()) return internal::out_of_memory(where);
  if (!p->x509 || at != end) {
    return internal::with_usual_remedy(
        make_failure(errc::certificate_malformed, where, "not an X.509 certificate in DER"));
  }
  const X509* x509 = p->x509.get();
  p->der.assign(der.begin(), der.end());
  p->spki = spki_of(x509);
  p->subject = internal::subject_of(x509);
  p->subject_der = name_der(X509_get_subject_name(x509));
  p->issuer_der = name_der(X509_get_issuer_name(x509));
  p->serial_der = serial_bytes(x509);
  // Of an anchor, mostly one and the same.
  p->issuer = p->issuer_der == p->subject_der ? p->subject : name_text(X509_get_issuer_name(x509));
  p->serial = serial_text(x509);
  p->key = key_text(x509);
  p->names = names_of(x509);
  p->issuer_urls = issuer_urls_of(x509);
  p->valid_from = time_of(X509_get0_notBefore(x509));
  p->valid_until = time_of(X509_get0_notAfter(x509));
  return certificate(std::move(p));
}

result<std::vector<certificate>> certificate::from_pem(std::string_view pem, std::string_view where) {
  auto objects = internal::parse_pem(pem, where);
  if (!objects) return objects.error();
  // Counted before any is read, so that a failure can name "certificate 2 of 3".
  const auto total = std::ranges::count_if(*objects, &internal::pem_object::is_certificate);
  std::vector<certificate> certificates;
  for (const auto& object : *objects) {
    if (!object.is_certificate()) continue;
    const auto place = std::string(where) + ": certificate " + std::to_string(certificates.size() + 1) + " of " +
                       std::to_string(total);
    auto one = from_der(object.der, place);
    if (!one) return make_failure(errc::bad_pem, place, one.error().detail);
    certificates.push_back(std::move(*one));
  }
  if (certificates.empty()) {
    return make_failure(errc::no_certificate, where, "no CERTIFICATE object in it");
  }
  return certificates;
}

result<std::vector<certificate>> certificate::from_pem_file(const std::string& path) {
  auto text = internal::read_file(path);
  if (!text) return text.error();
  return from_pem(*text, path);
}

result<std::vector<certificate>> certificate::from_memory(std::string_view bytes, std::string_view where) {
  const auto form = internal::encoding_of(bytes);
  if (form == internal::encoding::pem) return from_pem(bytes, where);
  // Not opened: that takes a password, and this function has nobody to ask.
  if (form == internal::encoding::pkcs12) {
    return make_failure(errc::no_certificate, where, "it is a PKCS#12 file",
                        "`openssl pkcs12 -nokeys` takes the certificates out of it");
  }
  if (!internal::private_key_label(form).empty()) {
    return make_failure(errc::no_certificate, where, "it is a private key in DER");
  }
  auto one = from_der(std::as_bytes(std::span(bytes)), where);
  if (!one) return make_failure(errc::bad_der, where, "it is not a certificate, or it is damaged");
  return std::vector<certificate>{std::move(*one)};
}

result<std::vector<certificate>> certificate::from_file(const std::string& path) {
  const auto bytes = internal::read_file(path);
  if (!bytes) return bytes.error();
  return from_memory(*bytes, path);
}

const std::string& certificate::subject() const noexcept { return or_empty(parts_).subject; }
const std::string& certificate::issuer() const noexcept { return or_empty(parts_).issuer; }
const std::string& certificate::serial() const noexcept { return or_empty(parts_).serial; }
const std::string& certificate::key() const noexcept { return or_empty(parts_).key; }
std::chrono::system_clock::time_point certificate::not_before() const noexcept {
  return internal::saturated(or_empty(parts_).valid_from);
}
std::chrono::system_clock::time_point certificate::not_after() const noexcept {
  return internal::saturated(or_empty(parts_).valid_until);
}
std::chrono::sys_seconds certificate::valid_from() const noexcept { return or_empty(parts_).valid_from; }
std::chrono::sys_seconds certificate::valid_until() const noexcept { return or_empty(parts_).valid_until; }
bool certificate::has_no_end() const noexcept { return or_empty(parts_).valid_until == no_end; }
const std::vector<alternative_name>& certificate::names() const noexcept { return or_empty(parts_).names; }
const std::vector<std::string>& certificate::issuer_urls() const noexcept { return or_empty(parts_).issuer_urls; }
std::span<const std::byte> certificate::der() const noexcept { return or_empty(parts_).der; }
std::span<const std::byte> certificate::subject_der() const noexcept { return or_empty(parts_).subject_der; }
std::span<const std::byte> certificate::issuer_der() const noexcept { return or_empty(parts_).issuer_der; }
std::span<const std::byte> certificate::serial_der() const noexcept { return or_empty(parts_).serial_der; }
std::span<const std::byte> certificate::public_key() const noexcept { return or_empty(parts_).spki; }

std::string certificate::sha256() const { return sha256_hex(or_empty(parts_).der); }

std::string sha256_hex(std::span<const std::byte> bytes) {
  std::array<std::byte, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return internal::hexadecimal(digest);
}

std::string certificate::to_pem() const {
  return internal::write_pem("CERTIFICATE", or_empty(parts_).der.data(), or_empty(parts_).der.size());
}

bool certificate::matches_host(std::string_view host) const {
  // AWS-LC would take ".example.org" for any name below it, and an empty text for a C string.
  const auto name = internal::check_host_name(host);
  if (!parts_ || !name) return false;
  return !name->is_ip && !name->text.empty() && internal::matches_host(parts_->x509.get(), name->text);
}

bool certificate::matches_ip(std::string_view literal) const {
  return parts_ && internal::matches_ip(parts_->x509.get(), literal);
}

}  // namespace v0
}  // namespace sluice
