// SPDX-License-Identifier: Apache-2.0
// What s2n's errors mean to us.
#include "core/base/error_tables.hpp"

#include "sluice/printable.hpp"

#include <openssl/err.h>
#include <s2n.h>

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

// By name, since s2n.h has no numbers; a test checks that the linked s2n knows each. What is not listed is
// judged by its type.
constexpr std::array s2n_causes = {
    s2n_row{"S2N_ERR_CIPHER_NOT_SUPPORTED", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_NO_VALID_SIGNATURE_SCHEME", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_INVALID_SIGNATURE_SCHEME", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_INVALID_SIGNATURE_ALGORITHM", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_ECDHE_UNSUPPORTED_CURVE", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_INVALID_SUPPORTED_GROUP_STATE", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_KEM_UNSUPPORTED_PARAMS", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_DH_TOO_SMALL", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_DH_PARAMS_CREATE", errc::no_shared_parameters},
    s2n_row{"S2N_ERR_PROTOCOL_VERSION_UNSUPPORTED", errc::version_unsupported},
    s2n_row{"S2N_ERR_UNKNOWN_PROTOCOL_VERSION", errc::version_unsupported},
    s2n_row{"S2N_ERR_NO_APPLICATION_PROTOCOL", errc::alpn_mismatch}, s2n_row{"S2N_ERR_CERT_UNTRUSTED", errc::untrusted},
    s2n_row{"S2N_ERR_CERT_TYPE_UNSUPPORTED", errc::untrusted},
    s2n_row{"S2N_ERR_CERT_INVALID_HOSTNAME", errc::name_mismatch}, s2n_row{"S2N_ERR_CERT_REVOKED", errc::revoked},
    s2n_row{"S2N_ERR_CERT_NOT_YET_VALID", errc::not_yet_valid}, s2n_row{"S2N_ERR_CERT_EXPIRED", errc::expired},
    s2n_row{"S2N_ERR_CERT_INVALID", errc::certificate_malformed},
    s2n_row{"S2N_ERR_DECODE_CERTIFICATE", errc::certificate_malformed},
    s2n_row{"S2N_ERR_CERT_UNHANDLED_CRITICAL_EXTENSION", errc::certificate_malformed},
    s2n_row{"S2N_ERR_CERT_MAX_CHAIN_DEPTH_EXCEEDED", errc::chain_too_long},
    s2n_row{"S2N_ERR_CERT_REJECTED", errc::certificate_rejected},
    s2n_row{"S2N_ERR_CERT_INTENT_INVALID", errc::wrong_purpose},
    s2n_row{"S2N_ERR_SECURITY_POLICY_INCOMPATIBLE_CERT", errc::certificate_weak},
    s2n_row{"S2N_ERR_MISSING_CLIENT_CERT", errc::certificate_missing},
    s2n_row{"S2N_ERR_NO_CERT_FOUND", errc::certificate_missing},
    s2n_row{"S2N_ERR_CRL_LOOKUP_FAILED", errc::revocation_unknown},
    s2n_row{"S2N_ERR_CRL_SIGNATURE", errc::revocation_unknown}, s2n_row{"S2N_ERR_CRL_ISSUER", errc::revocation_unknown},
    s2n_row{"S2N_ERR_CRL_EXPIRED", errc::revocation_unknown},
    s2n_row{"S2N_ERR_CRL_NOT_YET_VALID", errc::revocation_unknown},
    s2n_row{"S2N_ERR_CRL_INVALID_THIS_UPDATE", errc::revocation_unknown},
    s2n_row{"S2N_ERR_CRL_INVALID_NEXT_UPDATE", errc::revocation_unknown},
    s2n_row{"S2N_ERR_CRL_UNHANDLED_CRITICAL_EXTENSION", errc::revocation_unknown},
    s2n_row{"S2N_ERR_INVALID_OCSP_RESPONSE", errc::ocsp_invalid},
    s2n_row{"S2N_ERR_ASYNC_CALLBACK_FAILED", errc::key_unavailable},
    s2n_row{"S2N_ERR_NO_PRIVATE_KEY", errc::no_private_key}, s2n_row{"S2N_ERR_KEY_MISMATCH", errc::key_mismatch},
    s2n_row{"S2N_ERR_INVALID_PEM", errc::bad_pem}, s2n_row{"S2N_ERR_INVALID_BASE64", errc::bad_pem},
    s2n_row{"S2N_ERR_NO_CERTIFICATE_IN_PEM", errc::no_certificate},
    s2n_row{"S2N_ERR_DECODE_PRIVATE_KEY", errc::unsupported_key},
    s2n_row{"S2N_ERR_INVALID_SECURITY_POLICY", errc::unknown_policy},
    s2n_row{"S2N_ERR_DEPRECATED_SECURITY_POLICY", errc::unknown_policy},
    s2n_row{"S2N_ERR_INVALID_APPLICATION_PROTOCOL", errc::bad_alpn},
    s2n_row{"S2N_ERR_SERVER_NAME_TOO_LONG", errc::bad_name},
    // s2n types these as internal or as misuse, but a peer's message is what brings them about.
    s2n_row{"S2N_ERR_STUFFER_OUT_OF_DATA", errc::protocol_error},
    s2n_row{"S2N_ERR_STUFFER_IS_FULL", errc::protocol_error},
    s2n_row{"S2N_ERR_STUFFER_NOT_FOUND", errc::protocol_error}, s2n_row{"S2N_ERR_SIZE_MISMATCH", errc::protocol_error},
    s2n_row{"S2N_ERR_SAFETY", errc::protocol_error}, s2n_row{"S2N_ERR_CLIENT_HELLO_VERSION", errc::protocol_error},
    s2n_row{"S2N_ERR_PQ_CRYPTO", errc::protocol_error}, s2n_row{"S2N_ERR_NULL", errc::protocol_error},
    s2n_row{"S2N_ERR_INVALID_PARSED_EXTENSIONS", errc::protocol_error},
    s2n_row{"S2N_ERR_HANDSHAKE_STATE", errc::protocol_error},         // CertificateRequest where none may come
    s2n_row{"S2N_ERR_EARLY_DATA_NOT_ALLOWED", errc::protocol_error},  // taken without the session, or its ALPN
    s2n_row{"S2N_ERR_PKEY_CTX_INIT", errc::protocol_error},           // a hash that an RSASSA-PSS key excludes
};

errc cause_by_type(int error) noexcept {
  switch (s2n_error_get_type(error)) {
    case S2N_ERR_T_IO: return errc::connection_reset;
    case S2N_ERR_T_CLOSED: return errc::connection_closed;
    case S2N_ERR_T_ALERT: return errc::alert;
    case S2N_ERR_T_PROTO: return errc::protocol_error;
    case S2N_ERR_T_USAGE: return errc::invalid_argument;
    default: return errc::internal;
  }
}

}  // namespace

std::span<const s2n_row> s2n_rows() noexcept { return s2n_causes; }

errc s2n_cause(int error) noexcept {
  const std::string_view name = s2n_strerror_name(error);
  const auto row = std::ranges::find(s2n_causes, name, &s2n_row::name);
  return row != s2n_causes.end() ? row->cause : cause_by_type(error);
}

std::string_view s2n_name(const error_code& ec) noexcept {
  return ec.category() == s2n_category() ? s2n_strerror_name(ec.value()) : std::string_view();
}

// Some end like a sentence; more is to follow.
std::string s2n_message(int error) {
  std::string text = s2n_strerror(error, "EN");
  if (text.ends_with('.')) text.pop_back();
  return text;
}

bool lacked_memory() noexcept {
  bool is_so = false;
  for (auto packed = ERR_get_error(); packed != 0; packed = ERR_get_error())
    is_so = is_so || ERR_GET_REASON(packed) == ERR_R_MALLOC_FAILURE;
  return is_so;
}

failure out_of_memory(std::string_view where) {
  return make_failure(errc::out_of_memory, where, "", "allow the process more memory, or have it do less at a time");
}

failure s2n_failure(std::string_view where) {
  // First of all: it is a variable of the thread, and the calls below may set it anew (P9).
  const int error = s2n_errno;
  if (lacked_memory() || std::string_view(s2n_strerror_name(error)) == "S2N_ERR_ALLOC") return out_of_memory(where);
  auto reason = make_failure(error != 0 ? error_code(error, s2n_category()) : make_error_code(errc::internal), where);
  reason.engine = s2n_strerror_name(error);
  return reason;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
