// SPDX-License-Identifier: Apache-2.0
#include "client/report.hpp"

#include <algorithm>

namespace sluice::tool {

std::optional<boost::asio::ip::tcp::endpoint> connection_report::reached() const {
  const auto won = std::ranges::find_if(attempts, [](const connect_attempt& a) { return !a.error; });
  if (won == attempts.end()) return std::nullopt;
  return won->endpoint;
}

void connection_report::take(connect_report from) {
  timings = from.timings;
  attempts = std::move(from.attempts);
  prelude = from.prelude;
  seen = std::move(from.handshake);
  // Before the chain was verified, or where it is not, what was sent is all there is.
  chain = from.unverified_certificates.empty() ? seen.certificates : std::move(from.unverified_certificates);
  if (!attempts.empty()) address = reached().value_or(attempts.back().endpoint);
}

std::string_view connection_report::ocsp() const noexcept {
  if (info) return info->ocsp_stapled ? "good" : "none";
  switch (error ? cause_of(error->code) : errc::internal) {
    case errc::revoked: return "revoked";
    case errc::revocation_unknown: return "unknown";
    case errc::ocsp_invalid: return "invalid";
    default: return "none";
  }
}

}  // namespace sluice::tool
