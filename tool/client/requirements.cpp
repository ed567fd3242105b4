// SPDX-License-Identifier: Apache-2.0
#include "client/requirements.hpp"

#include "terminal/dates.hpp"
#include "terminal/failure.hpp"

#include <algorithm>
#include <utility>

namespace sluice::tool {
namespace {

failure unmet(const connection_report& r, const std::string& detail, const std::string& remedy) {
  return make_failure(errc::requirement_not_met, r.to.text(), detail, remedy);
}

std::optional<failure> check_validity(const connection_report& r, std::chrono::milliseconds least) {
  // An unverified certificate may carry any date.
  if (!r.is_verified) return unmet(r, "--fail-under: the certificates were not verified", "drop --insecure");
  if (r.chain.empty())
    return unmet(r, "--fail-under: the certificates are not known, since the session was resumed", "drop the session");
  const auto& first = *std::ranges::min_element(r.chain, {}, &certificate::valid_until);
  const auto left = left_of(first);
  if (left >= least) return std::nullopt;
  const auto words = in_words(left);
  return unmet(r, "--fail-under: \"" + first.subject() + "\" is valid for another " + words + " only", "renew it");
}

}  // namespace

std::optional<failure> unmet_requirement(const requirements& required, const connection_report& r) {
  const auto& info = *r.info;
  if (required.tls13 && info.version != "TLSv1.3") {
    return unmet(r, "--require-tls13: the version is " + info.version, "have the server offer TLS 1.3");
  }
  if (required.post_quantum && !info.post_quantum) {
    return unmet(r, "--require-pq: the group " + info.group + " is not a post-quantum hybrid",
                 "have the server offer X25519MLKEM768");
  }
  if (!required.alpn.empty() && info.alpn != required.alpn) {
    return unmet(r, "--require-alpn: the protocol is " + (info.alpn.empty() ? std::string("none") : info.alpn),
                 "have the server offer " + required.alpn);
  }
  if (required.ocsp && !info.ocsp_stapled) {
    return unmet(r, "--require-ocsp: no OCSP response was stapled", "turn stapling on at the server");
  }
  return required.min_validity ? check_validity(r, *required.min_validity) : std::nullopt;
}

}  // namespace sluice::tool
