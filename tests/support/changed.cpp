// SPDX-License-Identifier: Apache-2.0
#include "support/changed.hpp"

#include "testkit/authority/x509.hpp"

#include <openssl/asn1.h>
#include <openssl/bytestring.h>
#include <openssl/conf.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <stdexcept>

namespace sluice::test {
namespace {

void need(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

void set_time(ASN1_TIME* at, const char* text) {
  const bool is_long = std::strlen(text) == 15;
  at->type = is_long ? V_ASN1_GENERALIZEDTIME : V_ASN1_UTCTIME;
  need(ASN1_STRING_set(at, text, static_cast<ossl_ssize_t>(std::strlen(text))) == 1, "time");
}

}  // namespace

testkit::issued changed(const testkit::authority& by, const testkit::leaf_options& options, const changes& how) {
  auto made = by.issue(options, how.key_type).value();
  const auto x509 = testkit::parse_certificate(made.certificate);
  need(x509 != nullptr, "certificate");
  if (how.to) how.to(x509.get());
  auto* key = by.signer().get();
  need((how.sign ? how.sign(x509.get(), key) : X509_sign(x509.get(), key, EVP_sha256())) > 0, "signature");
  const auto rest = made.chain.substr(made.certificate.size());
  made.certificate = testkit::pem_of(x509.get());
  made.chain = made.certificate + rest;
  return made;
}

void set_extension(X509* x509, int nid, const std::string& value) {
  if (const int at = X509_get_ext_by_NID(x509, nid, -1); at >= 0) X509_EXTENSION_free(X509_delete_ext(x509, at));
  if (value.empty()) return;
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, x509, x509, nullptr, nullptr, 0);
  const bssl::UniquePtr<X509_EXTENSION> extension(X509V3_EXT_nconf_nid(nullptr, &ctx, nid, value.c_str()));
  need(extension && X509_add_ext(x509, extension.get(), -1) == 1, "extension");
}

void add_unknown(X509* x509, const char* oid, bool is_critical) {
  const bssl::UniquePtr<ASN1_OBJECT> name(OBJ_txt2obj(oid, 1));
  const bssl::UniquePtr<ASN1_OCTET_STRING> value(ASN1_OCTET_STRING_new());
  need(name && value && ASN1_OCTET_STRING_set(value.get(), reinterpret_cast<const unsigned char*>("\x05\0"), 2) == 1,
       "extension");
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, name.get(), is_critical ? 1 : 0, value.get()));
  need(extension && X509_add_ext(x509, extension.get(), -1) == 1, "extension");
}

void add_twice(X509* x509, int nid) {
  const int at = X509_get_ext_by_NID(x509, nid, -1);
  need(at >= 0 && X509_add_ext(x509, X509_get_ext(x509, at), -1) == 1, "extension");
}

void set_until(X509* x509, const char* time) { set_time(X509_getm_notAfter(x509), time); }
void set_from(X509* x509, const char* time) { set_time(X509_getm_notBefore(x509), time); }

int sign_pss(X509* x509, EVP_PKEY* key, const EVP_MD* hash, const EVP_MD* mask) {
  const bssl::UniquePtr<EVP_MD_CTX> ctx(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  const bool is_ready = ctx && EVP_DigestSignInit(ctx.get(), &options, hash, nullptr, key) == 1 &&
                        EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                        EVP_PKEY_CTX_set_rsa_mgf1_md(options, mask) == 1 &&
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(options, -1) == 1;
  return is_ready ? X509_sign_ctx(x509, ctx.get()) : 0;
}

}  // namespace sluice::test
