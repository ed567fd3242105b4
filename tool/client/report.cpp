// SPDX-License-Identifier: Apache-2.0
#include "client/report.hpp"

#include <algorithm>

namespace sluice::tool {

void connection_report::take(connect_report story) {
  timings = story.timings;
  attempts = std::move(story.attempts);
  seen = std::move(story.handshake);
  // Before TLS was verified, or where nobody verifies, what was sent is all there is.
  chain = story.unverified_certificates.empty() ? seen.certificates : std::move(story.unverified_certificates);
  if (attempts.empty()) return;
  const auto won = std::ranges::find_if(attempts, [](const connect_attempt& a) { return !a.error; });
  address = won != attempts.end() ? won->endpoint : attempts.back().endpoint;
}

std::string_view connection_report::ocsp() const noexcept {
  if (info) return info->ocsp_stapled ? "good" : "none";
  switch (why ? cause_of(why->code) : errc::internal) {
    case errc::revoked: return "revoked";
    case errc::revocation_unknown: return "unknown";
    case errc::ocsp_invalid: return "invalid";
    default: return "none";
  }
}

}  // namespace sluice::tool
