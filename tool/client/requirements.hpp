// SPDX-License-Identifier: Apache-2.0
// What a connection must be, beyond trusted, for a verb to succeed.
#pragma once

#include "client/report.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace sluice::tool {

struct requirements {
  bool tls13 = false, post_quantum = false, ocsp = false;
  std::string alpn;                                       // empty: any protocol, or none
  std::optional<std::chrono::milliseconds> min_validity;  // of the certificate that ends first
};

// The first one that a connection whose handshake is done does not meet.
std::optional<failure> unmet_requirement(const requirements& required, const connection_report& report);

}  // namespace sluice::tool
