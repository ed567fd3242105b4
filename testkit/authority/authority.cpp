// SPDX-License-Identifier: Apache-2.0
#include "testkit/authority/authority.hpp"

#include "testkit/authority/keys.hpp"
#include "testkit/authority/x509.hpp"

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <array>

namespace sluice::testkit {
namespace {

bool is_ip(const std::string& text) {
  std::array<unsigned char, 16> bytes;
  return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

bool add_extension(X509* x509, X509* issuer, int nid, const std::string& value) {
  if (value.empty()) return true;
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, x509, nullptr, nullptr, 0);
  const bssl::UniquePtr<CONF> empty(NCONF_new(nullptr));  // certificate policies are not parsed without one
  X509V3_set_nconf(&ctx, empty.get());
  const bssl::UniquePtr<X509_EXTENSION> extension(X509V3_EXT_nconf_nid(nullptr, &ctx, nid, value.c_str()));
  return extension && X509_add_ext(x509, extension.get(), -1) == 1;
}

// AWS-LC has no name for this one: SEQUENCE { INTEGER 5 }, the number of the extension status_request.
bool add_must_staple(X509* x509) {
  constexpr std::array<unsigned char, 5> features = {0x30, 0x03, 0x02, 0x01, 0x05};
  const bssl::UniquePtr<ASN1_OBJECT> name(OBJ_txt2obj("1.3.6.1.5.5.7.1.24", 1));
  const bssl::UniquePtr<ASN1_OCTET_STRING> value(ASN1_OCTET_STRING_new());
  if (!name || !value || ASN1_OCTET_STRING_set(value.get(), features.data(), features.size()) != 1) return false;
  const bssl::UniquePtr<X509_EXTENSION> extension(X509_EXTENSION_create_by_OBJ(nullptr, name.get(), 0, value.get()));
  return extension && X509_add_ext(x509, extension.get(), -1) == 1;
}

bool set_name(X509_NAME* name, const leaf_options& options) {
  const auto add = [name](const char* field, const std::string& value) {
    return value.empty() ||
           X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.c_str()),
                                      -1, -1, 0) == 1;
  };
  return add("O", options.certificate_authority_name) && add("CN", options.common_name);
}

bool set_serial(X509* x509) {
  std::array<uint8_t, 16> random;
  RAND_bytes(random.data(), random.size());
  random[0] = static_cast<uint8_t>((random[0] & 0x7f) | 0x40);
  const bssl::UniquePtr<BIGNUM> number(BN_bin2bn(random.data(), random.size(), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509)) != nullptr;
}

bool set_validity(X509* x509, const leaf_options& options) {
  const auto seconds = [](std::chrono::hours h) { return static_cast<long>(std::chrono::seconds(h).count()); };
  return X509_gmtime_adj(X509_getm_notBefore(x509), -seconds(options.age)) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(x509), seconds(options.validity)) != nullptr;
}

std::string basic_constraints(const leaf_options& options) {
  if (!options.is_authority) return "critical,CA:FALSE";
  return "critical,CA:TRUE" +
         (options.path_length >= 0 ? ",pathlen:" + std::to_string(options.path_length) : std::string());
}

// `issuer` may be the certificate itself.
bssl::UniquePtr<X509> build(EVP_PKEY* subject_key, const leaf_options& options, X509* issuer, EVP_PKEY* issuer_key) {
  bssl::UniquePtr<X509> x509(X509_new());
  auto* made = x509.get();
  if (issuer == nullptr) issuer = made;
  const char* usage =
      options.is_authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature,keyEncipherment";
  const bool done =
      made != nullptr && X509_set_version(made, X509_VERSION_3) == 1 && set_serial(made) &&
      set_validity(made, options) && set_name(X509_get_subject_name(made), options) &&
      X509_set_pubkey(made, subject_key) == 1 && X509_set_issuer_name(made, X509_get_subject_name(issuer)) == 1 &&
      add_extension(made, issuer, NID_basic_constraints, basic_constraints(options)) &&
      add_extension(made, issuer, NID_key_usage, usage) &&
      add_extension(made, issuer, NID_ext_key_usage, options.is_authority ? "" : options.extended_key_usage) &&
      add_extension(made, issuer, NID_subject_key_identifier, "hash") &&
      add_extension(made, issuer, NID_authority_key_identifier, issuer == made ? "" : "keyid") &&
      add_extension(made, issuer, NID_subject_alt_name, alternative_names(options.names)) &&
      add_extension(made, issuer, NID_name_constraints, options.name_constraints) &&
      add_extension(made, issuer, NID_certificate_policies, options.policies) &&
      add_extension(made, issuer, NID_info_access, options.authority_information) &&
      (!options.must_staple || add_must_staple(made)) &&
      X509_sign(made, issuer_key, digest_for(issuer_key, options.digest)) > 0;
  return done ? std::move(x509) : nullptr;
}

std::shared_ptr<X509> shared(bssl::UniquePtr<X509> x509) { return {x509.release(), X509_free}; }

// With keys that are there, what cannot be written is the caller's input.
failure not_made(const std::string& name) {
  return unfit(errc::invalid_argument, "certificate for \"" + name + "\"",
               "a name or a date of it cannot be in a certificate",
               "names are ASCII (xn-- for others); a common name has 1 to 64 characters");
}

leaf_options as_authority(leaf_options options, const std::string& name) {
  options.is_authority = true;
  if (options.common_name.empty()) options.common_name = name;
  if (options.validity < std::chrono::hours(24 * 365)) options.validity = std::chrono::hours(24 * 365 * 5);
  return options;
}

}  // namespace

std::string alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    const bool is_typed =
        name.starts_with("URI:") || name.starts_with("DNS:") || name.starts_with("IP:") || name.starts_with("email:");
    text += (text.empty() ? "" : ",") + std::string(is_typed ? "" : is_ip(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

result<authority> authority::make_root(const std::string& name, std::string_view key_type, leaf_options options) {
  auto key = local_key::generate(key_type);
  if (!key) return key.error();
  auto x509 = build(key->get(), as_authority(std::move(options), name), nullptr, key->get());
  if (!x509) return not_made(name);
  authority made;
  made.key_ = std::move(*key);
  made.x509_ = shared(std::move(x509));
  made.pem_ = pem_of(made.x509_.get());
  return made;
}

result<authority> authority::from_pem(std::string_view certificate, std::string_view key) {
  auto signer = local_key::from_pem(key);
  if (!signer) return signer.error();
  auto x509 = parse_certificate(certificate);
  if (!x509) return unfit(errc::bad_pem, "authority's certificate", "no certificate in PEM", "restore ca.pem");
  authority made;
  made.key_ = std::move(*signer);
  made.x509_ = shared(std::move(x509));
  made.pem_ = std::string(certificate);
  return made;
}

result<authority> authority::make_intermediate(const std::string& name, std::string_view key_type,
                                               leaf_options options) const {
  auto key = local_key::generate(key_type);
  if (!key) return key.error();
  auto x509 = build(key->get(), as_authority(std::move(options), name), x509_.get(), key_.get());
  if (!x509) return not_made(name);
  authority made;
  made.key_ = std::move(*key);
  made.x509_ = shared(std::move(x509));
  made.pem_ = pem_of(made.x509_.get());
  made.chain_ = made.pem_ + chain_;
  made.is_root_ = false;
  return made;
}

result<issued> authority::issue(const leaf_options& options, std::string_view key_type) const {
  auto key = local_key::generate(key_type);
  if (!key) return key.error();
  auto made = issue_for(key->public_key(), options);
  if (made) made->key = key->pem();
  return made;
}

result<issued> authority::issue_for(std::span<const std::byte> public_key, const leaf_options& options) const {
  const auto subject_key = parse_public_key(public_key);
  if (!subject_key) return crypto_failure("public key");
  const auto x509 = build(subject_key.get(), options, x509_.get(), key_.get());
  if (!x509) return not_made(options.common_name);
  issued made;
  made.certificate = pem_of(x509.get());
  made.chain = made.certificate + chain_;
  return made;
}

result<issued> self_signed(const leaf_options& options, std::string_view key_type) {
  auto key = local_key::generate(key_type);
  if (!key) return key.error();
  const auto x509 = build(key->get(), options, nullptr, key->get());
  if (!x509) return not_made(options.common_name);
  return issued{.certificate = pem_of(x509.get()), .chain = pem_of(x509.get()), .key = key->pem()};
}

}  // namespace sluice::testkit
