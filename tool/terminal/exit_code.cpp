// SPDX-License-Identifier: Apache-2.0
#include "terminal/exit_code.hpp"

namespace sluice::tool {

exit_code exit_code_of(errc cause) noexcept {
  switch (cause) {
    case errc::name_not_found:
    case errc::resolver_failed: return exit_resolve;

    case errc::connection_refused:
    case errc::unreachable:
    case errc::too_many_descriptors: return exit_connect;

    case errc::connection_reset:
    case errc::handshake_failed:
    case errc::protocol_error:
    case errc::no_shared_parameters:
    case errc::version_unsupported:
    case errc::alpn_mismatch:
    case errc::alert:
    case errc::truncated:
    case errc::connection_closed:
    case errc::not_ready: return exit_handshake;

    case errc::timed_out: return exit_timeout;
    case errc::cancelled: return exit_interrupted;
    case errc::internal:
    case errc::out_of_memory: return exit_internal;

    case errc::untrusted:
    case errc::self_signed:
    case errc::wrong_purpose:
    case errc::certificate_weak:
    case errc::chain_too_long:
    case errc::certificate_malformed:
    case errc::certificate_missing:
    case errc::certificate_rejected: return exit_certificate;

    case errc::name_mismatch: return exit_name;

    case errc::expired:
    case errc::not_yet_valid: return exit_validity;

    case errc::ocsp_invalid:
    case errc::revoked:
    case errc::revocation_unknown: return exit_revocation;

    case errc::file_not_found:
    case errc::file_unreadable:
    case errc::bad_pem:
    case errc::bad_der:
    case errc::no_certificate:
    case errc::no_private_key:
    case errc::key_mismatch:
    case errc::password_needed:
    case errc::wrong_password:
    case errc::unknown_policy:
    case errc::policy_conflict:
    case errc::bad_alpn:
    case errc::bad_uri:
    case errc::bad_name:
    case errc::trust_store_empty:
    case errc::unsupported_key:
    case errc::in_use:
    case errc::invalid_argument: return exit_usage;

    case errc::requirement_not_met:
    case errc::verdict_failed: return exit_requirement;

    case errc::key_unavailable:
    case errc::key_refused:
    case errc::key_timed_out:
    case errc::signature_mismatch:
    case errc::module_load_failed:
    case errc::symbol_missing:
    case errc::module_version_unsupported:
    case errc::token_not_found:
    case errc::token_ambiguous:
    case errc::key_not_found:
    case errc::key_ambiguous:
    case errc::key_type_unsupported:
    case errc::mechanism_unsupported:
    case errc::pin_required:
    case errc::pin_final_try:
    case errc::pin_known_bad:
    case errc::encoding_error:
    case errc::queue_full:
    case errc::token_down: return exit_key;
  }
  return exit_internal;
}

exit_code exit_code_of(const failure& why) noexcept {
  const auto cause = cause_of(why.code);
  if (why.category() == "pkcs11") return exit_key;
  if (cause == errc::connection_reset && why.category() == "connect") return exit_connect;
  if (cause == errc::too_many_descriptors && why.category() == "resolve") return exit_resolve;
  return exit_code_of(cause);
}

}  // namespace sluice::tool
