// SPDX-License-Identifier: Apache-2.0
// The alerts of RFC 8446 section 6, by number: what a test expects is not read from the library.
#pragma once

namespace sluice::test {

inline constexpr int bad_record_mac = 20, handshake_failure = 40, bad_certificate = 42, unsupported_certificate = 43,
                     certificate_revoked = 44, certificate_expired = 45, unknown_ca = 48, access_denied = 49,
                     decode_error = 50, protocol_version = 70, internal_error = 80, user_canceled = 90,
                     bad_status_response = 113, certificate_required = 116;

}  // namespace sluice::test
