// SPDX-License-Identifier: Apache-2.0
// Keys and certificates of the test authority in the other forms they come in.
#pragma once

#include "testkit/authority/authority.hpp"

#include <openssl/evp.h>

#include <string>
#include <vector>

namespace sluice::test {

std::string der_of(const std::string& certificate_pem);

std::string pkcs8_der(const std::string& key_pem);
std::string traditional_der(const std::string& key_pem);  // PKCS#1 or SEC 1
std::string traditional_der(EVP_PKEY* key);
std::string traditional_pem(EVP_PKEY* key, const std::string& password = "");  // of an EC key
std::string encrypted_pkcs8_der(const std::string& key_pem, const std::string& password);
std::string encrypted_pkcs8_der(EVP_PKEY* key, const std::string& password);
std::string encrypted_pkcs8_pem(const std::string& key_pem, const std::string& password);
// RFC 1421 headers.
std::string encrypted_traditional_pem(const std::string& key_pem, const std::string& password,
                                      const EVP_CIPHER* cipher = EVP_aes_256_cbc());

// `certificates` are written in that order; the key may be left out.
std::string pkcs12_of(const std::vector<std::string>& certificates, const std::string& key_pem,
                      const std::string& password);

}  // namespace sluice::test
