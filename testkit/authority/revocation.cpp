// SPDX-License-Identifier: Apache-2.0
#include "testkit/authority/revocation.hpp"

#include "testkit/authority/keys.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <array>

namespace sluice::testkit {
namespace {

using std::chrono::system_clock;

bssl::UniquePtr<BIO> source(std::string_view text) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string contents(BIO* bio) {
  const uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

std::string text_of(const ASN1_STRING* s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)), static_cast<std::size_t>(ASN1_STRING_length(s))};
}

std::string address_text(const ASN1_STRING* s) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(s) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(s) != 16) return {};
  return ::inet_ntop(family, ASN1_STRING_get0_data(s), text.data(), text.size()) ? text.data() : "";
}

std::vector<std::string> names_of(X509_REQ* request) {
  std::vector<std::string> made;
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request);
  const bssl::UniquePtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)));
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  if (!names) return made;
  for (const GENERAL_NAME* one : names.get()) {
    if (one->type == GEN_DNS) made.push_back(text_of(one->d.dNSName));
    if (one->type == GEN_URI) made.push_back("URI:" + text_of(one->d.uniformResourceIdentifier));
    if (one->type == GEN_EMAIL) made.push_back("email:" + text_of(one->d.rfc822Name));
    if (one->type == GEN_IPADD) made.push_back(address_text(one->d.iPAddress));
  }
  return made;
}

bssl::UniquePtr<X509_REQ> parse_request(std::string_view text) {
  if (text.find("-----BEGIN") != text.npos) {
    return bssl::UniquePtr<X509_REQ>(PEM_read_bio_X509_REQ(source(text).get(), nullptr, nullptr, nullptr));
  }
  return bssl::UniquePtr<X509_REQ>(d2i_X509_REQ_bio(source(text).get(), nullptr));
}

failure no_request(std::string_view text, const std::string& where) {
  constexpr std::string_view begin = "-----BEGIN ";
  const auto at = text.find(begin);
  const bool is_pem = at != text.npos;
  const auto label = is_pem ? text.substr(at + begin.size(), 40) : std::string_view();
  const auto* what = label.starts_with("CERTIFICATE-")                ? "; it is a certificate"
                     : label.find("PRIVATE KEY") != label.npos        ? "; it is a private key"
                     : text.find_first_not_of(" \r\n\t") == text.npos ? "; the file is empty"
                                                                      : ", or it is damaged";
  return unfit(is_pem ? errc::bad_pem : errc::bad_der, where, std::string("not a certificate request") + what,
               "give a request (PKCS#10), as `openssl req -new` or `sluice token csr` makes them");
}

bssl::UniquePtr<X509_REVOKED> entry(const revoked& one) {
  bssl::UniquePtr<X509_REVOKED> made(X509_REVOKED_new());
  BIGNUM* number = nullptr;
  const bool is_number = BN_hex2bn(&number, one.serial.c_str()) > 0;
  const bssl::UniquePtr<BIGNUM> owned(number);
  const bssl::UniquePtr<ASN1_INTEGER> serial(is_number ? BN_to_ASN1_INTEGER(number, nullptr) : nullptr);
  const bssl::UniquePtr<ASN1_TIME> when(ASN1_TIME_set(nullptr, system_clock::to_time_t(one.when)));
  const bool done = made && serial && when && X509_REVOKED_set_serialNumber(made.get(), serial.get()) == 1 &&
                    X509_REVOKED_set_revocationDate(made.get(), when.get()) == 1;
  return done ? std::move(made) : nullptr;
}

}  // namespace

result<certificate_request> read_request(std::string_view text, const std::string& where) {
  const auto request = parse_request(text);
  if (!request) return no_request(text, where);
  const bssl::UniquePtr<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()));
  if (!key) {
    return unfit(errc::unsupported_key, where, "the certificate request is for a key of a type that is not known here",
                 "make a request for an RSA or EC key");
  }
  if (X509_REQ_verify(request.get(), key.get()) != 1) {
    return unfit(errc::key_mismatch, where, "the signature of the certificate request is not by its own key",
                 "make the request anew, with its own key");
  }
  certificate_request made;
  uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return crypto_failure("certificate request");
  const bssl::UniquePtr<uint8_t> owned(der);
  const auto bytes = std::as_bytes(std::span(der, static_cast<std::size_t>(size)));
  made.public_key.assign(bytes.begin(), bytes.end());
  const auto* subject = X509_REQ_get_subject_name(request.get());
  if (const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); at >= 0) {
    made.common_name = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  }
  made.names = names_of(request.get());
  return made;
}

result<std::string> make_revocation_list(const authority& issuer, std::span<const revoked> entries,
                                         unsigned long number, std::chrono::hours validity) {
  const bssl::UniquePtr<X509_CRL> list(X509_CRL_new());
  // Seconds: nanoseconds end in 2262.
  const auto now = std::chrono::floor<std::chrono::seconds>(system_clock::now()).time_since_epoch();
  const bssl::UniquePtr<ASN1_TIME> from(ASN1_TIME_set(nullptr, now.count()));
  const bssl::UniquePtr<ASN1_TIME> until(ASN1_TIME_set(nullptr, (now + std::chrono::seconds(validity)).count()));
  bool done = list && from && until && X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer.x509())) == 1 &&
              X509_CRL_set1_lastUpdate(list.get(), from.get()) == 1 &&
              X509_CRL_set1_nextUpdate(list.get(), until.get()) == 1;
  for (const auto& one : entries) {
    auto made = entry(one);
    if (!made) {
      return unfit(errc::invalid_argument, "revoked", "\"" + one.serial + "\" is not a serial number",
                   "correct that line");
    }
    done = done && X509_CRL_add0_revoked(list.get(), made.get()) == 1;
    if (done) (void)made.release();  // the list's now
  }
  const bssl::UniquePtr<ASN1_INTEGER> count(ASN1_INTEGER_new());
  done = done && ASN1_INTEGER_set_uint64(count.get(), number) == 1 &&
         X509_CRL_add1_ext_i2d(list.get(), NID_crl_number, count.get(), 0, 0) == 1;
  auto* key = issuer.signer().get();
  if (!done || X509_CRL_sort(list.get()) != 1 || X509_CRL_sign(list.get(), key, digest_for(key, "sha256")) <= 0) {
    return crypto_failure("revocation list");
  }
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_CRL(out.get(), list.get());
  return contents(out.get());
}

result<std::string> bundle(const issued& one, const std::string& name, std::string_view password) {
  const auto key = local_key::from_pem(one.key);
  if (!key) return key.error();
  const auto chain = source(one.chain);
  const bssl::UniquePtr<X509> leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  const bssl::UniquePtr<STACK_OF(X509)> others(sk_X509_new_null());
  while (auto* above = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) sk_X509_push(others.get(), above);
  ERR_clear_error();  // the end of the text
  // The strongest that AWS-LC writes. Its default for certificates is RC2 of 40 bits, which OpenSSL 3 does not read.
  constexpr int cipher = NID_pbe_WithSHA1And3_Key_TripleDES_CBC, iterations = 100'000;
  std::string text(password);
  const bssl::UniquePtr<PKCS12> made(PKCS12_create(text.c_str(), name.c_str(), key->get(), leaf.get(), others.get(),
                                                   cipher, cipher, iterations, iterations, 0));
  OPENSSL_cleanse(text.data(), text.size());
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  if (!made || i2d_PKCS12_bio(out.get(), made.get()) != 1) return crypto_failure("PKCS#12 file");
  return contents(out.get());
}

}  // namespace sluice::testkit
