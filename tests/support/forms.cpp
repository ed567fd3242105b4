// SPDX-License-Identifier: Apache-2.0
#include "support/forms.hpp"

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>
#include <openssl/stack.h>
#include <openssl/x509.h>

#include <cstdlib>

namespace sluice::test {
namespace {

bssl::UniquePtr<BIO> sink() { return bssl::UniquePtr<BIO>(BIO_new(BIO_s_mem())); }

std::string text_of(const bssl::UniquePtr<BIO>& bio) {
  const uint8_t* data = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(bio.get(), &data, &size) != 1 || size == 0) std::abort();
  return {reinterpret_cast<const char*>(data), size};
}

bssl::UniquePtr<X509> x509_of(const std::string& pem) {
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return bssl::UniquePtr<X509>(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

std::string der_of(const std::string& certificate_pem) {
  const auto out = sink();
  i2d_X509_bio(out.get(), x509_of(certificate_pem).get());
  return text_of(out);
}

std::string pkcs8_der(const std::string& key_pem) {
  const auto out = sink();
  i2d_PKCS8PrivateKeyInfo_bio(out.get(), testkit::local_key::from_pem(key_pem).value().get());
  return text_of(out);
}

std::string traditional_der(const std::string& key_pem) {
  return traditional_der(testkit::local_key::from_pem(key_pem).value().get());
}

std::string traditional_der(EVP_PKEY* key) {
  const auto out = sink();
  i2d_PrivateKey_bio(out.get(), key);
  return text_of(out);
}

std::string traditional_pem(EVP_PKEY* key, const std::string& password) {
  const auto out = sink();
  std::string copy = password;
  PEM_write_bio_ECPrivateKey(out.get(), EVP_PKEY_get0_EC_KEY(key), copy.empty() ? nullptr : EVP_aes_256_cbc(),
                             reinterpret_cast<uint8_t*>(copy.data()), static_cast<int>(copy.size()), nullptr, nullptr);
  return text_of(out);
}

std::string encrypted_pkcs8_der(const std::string& key_pem, const std::string& password) {
  return encrypted_pkcs8_der(testkit::local_key::from_pem(key_pem).value().get(), password);
}

std::string encrypted_pkcs8_der(EVP_PKEY* key, const std::string& password) {
  const auto out = sink();
  i2d_PKCS8PrivateKey_bio(out.get(), key, EVP_aes_256_cbc(), password.data(), static_cast<int>(password.size()),
                          nullptr, nullptr);
  return text_of(out);
}

std::string encrypted_pkcs8_pem(const std::string& key_pem, const std::string& password) {
  const auto out = sink();
  PEM_write_bio_PKCS8PrivateKey(out.get(), testkit::local_key::from_pem(key_pem).value().get(), EVP_aes_256_cbc(),
                                password.data(), static_cast<int>(password.size()), nullptr, nullptr);
  return text_of(out);
}

std::string encrypted_traditional_pem(const std::string& key_pem, const std::string& password,
                                      const EVP_CIPHER* cipher) {
  const auto key = testkit::local_key::from_pem(key_pem).value();
  const auto out = sink();
  std::string copy = password;
  auto* bytes = reinterpret_cast<uint8_t*>(copy.data());
  const auto size = static_cast<int>(copy.size());
  if (auto* rsa = EVP_PKEY_get0_RSA(key.get())) {
    PEM_write_bio_RSAPrivateKey(out.get(), rsa, cipher, bytes, size, nullptr, nullptr);
  } else {
    PEM_write_bio_ECPrivateKey(out.get(), EVP_PKEY_get0_EC_KEY(key.get()), cipher, bytes, size, nullptr, nullptr);
  }
  return text_of(out);
}

std::string pkcs12_of(const std::vector<std::string>& certificates, const std::string& key_pem,
                      const std::string& password) {
  const bssl::UniquePtr<STACK_OF(X509)> stack(sk_X509_new_null());
  for (const auto& pem : certificates) sk_X509_push(stack.get(), x509_of(pem).release());
  testkit::local_key key;
  if (!key_pem.empty()) key = testkit::local_key::from_pem(key_pem).value();
  const bssl::UniquePtr<PKCS12> made(
      PKCS12_create(password.c_str(), "site", key.get(), nullptr, stack.get(), 0, 0, 0, 0, 0));
  const auto out = sink();
  i2d_PKCS12_bio(out.get(), made.get());
  return text_of(out);
}

}  // namespace sluice::test
