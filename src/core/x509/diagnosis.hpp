// SPDX-License-Identifier: Apache-2.0
// Why a chain was refused, in words: which certificate, what is wrong with it, and what would mend it.
#pragma once

#include "sluice/certificate.hpp"
#include "sluice/context.hpp"
#include "sluice/error.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// A view for the length of one call; the certificates are compared by address, so that two copies of one certificate
// are two places of the chain.
struct judged_chain {
  std::span<const certificate> sent;     // by the peer, leaf first
  std::span<const certificate> anchors;  // what was trusted
  std::string store;                     // where that came from
  std::chrono::system_clock::time_point now;
  role judge = role::client;
  std::size_t most = 0;  // certificates that are allowed
};

// Adds to a failure of the certificate row what the chain shows: subject and depth, detail and remedy; and tells
// self_signed from untrusted. The verdict itself stays s2n's.
// It never makes a good chain bad or a bad one good: it is called after s2n has rejected the chain, looks for the first
// explanation that fits, and leaves the failure as it is where none does. It may cost many verifications of signatures,
// and is therefore only for failures.
void explain_certificate(failure& error, const judged_chain& chain);

// "trusted are the 140 certificates of /etc/ssl/certs/ca-certificates.crt"
std::string store_text(std::size_t anchors, std::string_view store);

// "2026-11-20 12:00 UTC", and "3 days" for the length of a time.
std::string date_text(std::chrono::sys_seconds time);
std::string length_text(std::chrono::seconds length);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
