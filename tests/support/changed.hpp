// SPDX-License-Identifier: Apache-2.0
// Certificates of the test authority with something changed before they are signed.
#pragma once

#include "testkit/authority/authority.hpp"

#include <openssl/x509.h>

#include <functional>
#include <string>
#include <string_view>

namespace sluice::test {

struct changes {
  std::function<void(X509*)> to;              // before it is signed
  std::function<int(X509*, EVP_PKEY*)> sign;  // null: SHA-256; as X509_sign answers
  std::string key_type = "ec256";
};

// Issued by `by`, with a key of its own; its chain has the intermediates.
testkit::issued changed(const testkit::authority& by, const testkit::leaf_options& options, const changes& how);

// Replaces an extension, written as in OpenSSL's configuration; "" takes it out.
void set_extension(X509* x509, int nid, const std::string& value);
// One that nobody knows.
void add_unknown(X509* x509, const char* oid, bool is_critical);
void add_twice(X509* x509, int nid);
// "99991231235959Z", "500101000000Z"
void set_until(X509* x509, const char* time);
void set_from(X509* x509, const char* time);

// RSASSA-PSS, with its two hashes.
int sign_pss(X509* x509, EVP_PKEY* key, const EVP_MD* hash, const EVP_MD* mask);

}  // namespace sluice::test
