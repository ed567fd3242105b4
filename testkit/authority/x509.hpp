// SPDX-License-Identifier: Apache-2.0
// Certificates in PEM, to the engine's form and back.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>

namespace sluice::testkit {

bssl::UniquePtr<X509> parse_certificate(std::string_view pem);  // null: there is none in it
std::string pem_of(X509* certificate);

}  // namespace sluice::testkit
