// SPDX-License-Identifier: Apache-2.0
// An authority's OCSP responses (RFC 6960).
#pragma once

#include "testkit/authority/authority.hpp"

#include <functional>

namespace sluice::testkit {

enum class standing { good, revoked, unknown };

struct certificate_standing {
  standing what = standing::unknown;
  std::chrono::system_clock::time_point revoked_at;
};

using standing_of = std::function<certificate_standing(const std::string& serial)>;  // as certificate::serial()

// A response, DER, signed by the authority itself and good for `validity`; to a malformed request, one with the status
// malformedRequest. Certificates of other issuers are unknown to it.
result<std::string> answer_ocsp(const authority& issuer, std::string_view request, const standing_of& look_up,
                                std::chrono::hours validity);

// Whether a response, in DER, is about `leaf`. No matter what, or as of when. errc::bad_der: it is no response;
// errc::invalid_argument: it has no answer, or one about other certificates. `where` is the place of the failure.
result<void> check_staple(std::string_view response, const certificate& leaf, const std::string& where);

// The request in the path of an HTTP GET: base64, with its signs escaped. Empty: there is none.
std::string ocsp_request_in(std::string_view path);

}  // namespace sluice::testkit
