// SPDX-License-Identifier: Apache-2.0
// Certificate requests whose signature is made elsewhere: AWS-LC writes all but that.
#include "testkit/authority/keys.hpp"
#include "testkit/authority/signing.hpp"

#include <openssl/ec_key.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace sluice::testkit {
namespace {

failure bad_subject(const std::string& subject, std::string detail) {
  failure error;
  error.code = make_error_code(errc::bad_name);
  error.where = "subject \"" + subject + "\"";
  error.detail = std::move(detail);
  error.remedy = "write it as CN=example.org,O=Example";
  return error;
}

// "CN=a,O=b" at commas, "/CN=a/O=b" at slashes; a backslash takes the next character as it is.
std::vector<std::string> split_subject(std::string text) {
  char separator = ',';
  if (text.starts_with('/')) {
    separator = '/';
    text.erase(0, 1);
  }
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      parts.back() += text[++i];
    } else if (text[i] == separator) {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  return parts;
}

result<void> set_subject(X509_REQ* request, const std::string& subject) {
  if (subject.empty()) return {};
  auto* name = X509_REQ_get_subject_name(request);
  for (auto part : split_subject(subject)) {
    part.erase(0, part.find_first_not_of(' '));
    if (part.find('=') == part.npos) part = "CN=" + part;
    const auto field = part.substr(0, part.find('='));
    const auto value = part.substr(part.find('=') + 1);
    const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
    if (X509_NAME_add_entry_by_txt(name, field.c_str(), MBSTRING_UTF8, bytes, static_cast<ossl_ssize_t>(value.size()),
                                   -1, 0) != 1) {
      crypto_failure("");
      return bad_subject(subject, "\"" + part + "\" is not a part of a name");
    }
  }
  return {};
}

bool set_names(X509_REQ* request, const std::vector<std::string>& names) {
  if (names.empty()) return true;
  const auto text = alternative_names(names);
  bssl::UniquePtr<X509_EXTENSION> extension(X509V3_EXT_nconf_nid(nullptr, nullptr, NID_subject_alt_name, text.c_str()));
  if (!extension) return false;
  const bssl::UniquePtr<STACK_OF(X509_EXTENSION)> all(sk_X509_EXTENSION_new_null());
  return all && bssl::PushToStack(all.get(), std::move(extension)) && X509_REQ_add_extensions(request, all.get()) == 1;
}

struct algorithm {
  signature_scheme scheme;
  int nid;
  bool has_null;  // RSA's parameters are NULL, ECDSA has none (RFC 4055, RFC 5758)
};

algorithm algorithm_for(const EVP_PKEY* key) {
  if (EVP_PKEY_id(key) == EVP_PKEY_RSA) return {signature_scheme::rsa_pkcs1_sha256, NID_sha256WithRSAEncryption, true};
  const auto* ec = EVP_PKEY_get0_EC_KEY(key);
  switch (ec ? EC_GROUP_get_curve_name(EC_KEY_get0_group(ec)) : NID_undef) {
    case NID_secp384r1: return {signature_scheme::ecdsa_secp384r1_sha384, NID_ecdsa_with_SHA384, false};
    case NID_secp521r1: return {signature_scheme::ecdsa_secp521r1_sha512, NID_ecdsa_with_SHA512, false};
    default: return {signature_scheme::ecdsa_secp256r1_sha256, NID_ecdsa_with_SHA256, false};
  }
}

bool set_algorithm(X509_REQ* request, const algorithm& chosen) {
  const bssl::UniquePtr<X509_ALGOR> made(X509_ALGOR_new());
  return made &&
         X509_ALGOR_set0(made.get(), OBJ_nid2obj(chosen.nid), chosen.has_null ? V_ASN1_NULL : V_ASN1_UNDEF, nullptr) ==
             1 &&
         X509_REQ_set1_signature_algo(request, made.get()) == 1;
}

result<std::vector<std::byte>> to_be_signed(X509_REQ* request) {
  uint8_t* der = nullptr;
  const int size = i2d_re_X509_REQ_tbs(request, &der);
  if (size <= 0) return crypto_failure("certificate request");
  const bssl::UniquePtr<uint8_t> owned(der);
  const auto* first = reinterpret_cast<const std::byte*>(der);
  return std::vector<std::byte>(first, first + size);
}

}  // namespace

result<std::string> make_request(private_key& key, std::span<const std::byte> public_key,
                                 const request_options& options) {
  const auto subject_key = parse_public_key(public_key);
  const bssl::UniquePtr<X509_REQ> request(X509_REQ_new());
  if (!subject_key || !request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), subject_key.get()) != 1) {
    return crypto_failure("certificate request");
  }
  if (auto named = set_subject(request.get(), options.subject); !named) return named.error();
  if (!set_names(request.get(), options.names)) {
    crypto_failure("");
    return bad_subject(alternative_names(options.names), "not names that a certificate can have");
  }
  const auto chosen = algorithm_for(subject_key.get());
  if (!set_algorithm(request.get(), chosen)) return crypto_failure("certificate request");
  const auto text = to_be_signed(request.get());
  if (!text) return text.error();
  const auto signature = sign_and_wait(key, digest_to_sign(chosen.scheme, *text), options.timeout);
  if (!signature) return signature.error();
  if (X509_REQ_set1_signature_value(request.get(), reinterpret_cast<const uint8_t*>(signature->data()),
                                    signature->size()) != 1) {
    return crypto_failure("certificate request");
  }
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  const uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return std::string(reinterpret_cast<const char*>(data), size);
}

}  // namespace sluice::testkit
