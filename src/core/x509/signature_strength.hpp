// SPDX-License-Identifier: Apache-2.0
// How strong the signature on a certificate is, by its algorithm and that one's parameters.
#pragma once

#include <openssl/x509.h>

#include <string>

namespace sluice {
inline namespace v0 {
namespace internal {

struct signature_strength {
  enum class grade {
    good,
    old,      // SHA-1 or MD5, which an allowance may permit
    unknown,  // not on the list of what is good: weak
  } is = grade::unknown;
  std::string algorithm;  // "SHA-1", "RSASSA-PSS with SHA-1", "the algorithm 1.2.3.4"
};

// By a list of what is good. RSASSA-PSS has its hashes in the parameters (RFC 4055 §3.1).
signature_strength strength_of_signature(const X509* x509);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
