// SPDX-License-Identifier: Apache-2.0
// OCSP responses (RFC 6960), good and otherwise, to be stapled.
#pragma once

#include "testkit/authority/authority.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace sluice::testkit {

struct ocsp_options {
  enum class status { good, revoked, unknown } says = status::good;
  std::chrono::hours age = std::chrono::hours(1);        // thisUpdate was this long ago
  std::chrono::hours validity = std::chrono::hours(24);  // nextUpdate is so far away
  int response_status = 0;                               // 3: tryLater, without any answer
};

// The response of `responder` about a certificate that `issuer` signed, in DER.
std::vector<std::byte> ocsp_response(const authority& issuer, const std::string& certificate_pem,
                                     const ocsp_options& options = {}, const authority* responder = nullptr);

}  // namespace sluice::testkit
