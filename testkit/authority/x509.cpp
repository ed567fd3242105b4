// SPDX-License-Identifier: Apache-2.0
#include "testkit/authority/x509.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstdint>

namespace sluice::testkit {

bssl::UniquePtr<X509> parse_certificate(std::string_view pem) {
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  bssl::UniquePtr<X509> made(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!made) ERR_clear_error();
  return made;
}

std::string pem_of(X509* certificate) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace sluice::testkit
