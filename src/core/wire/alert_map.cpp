// SPDX-License-Identifier: Apache-2.0
// Which alert says what went wrong (RFC 8446 §6.2, RFC 5246 §7.2.2).
#include "core/base/error_tables.hpp"
#include "core/wire/alert_writer.hpp"
#include "core/wire/numbers.hpp"

#include <algorithm>
#include <array>

// Exported by libs2n but not in its public header: what s2n would say, if it said anything.
extern "C" int s2n_error_get_alert(int error, uint8_t* alert);

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using namespace wire;

struct alert_row {
  std::string_view name;
  alert what;
};

// Where s2n's error says more than its cause. By name, as in error_s2n.cpp; the rest is s2n's own map, or the cause.
constexpr std::array alert_rows = {
    alert_row{"S2N_ERR_DECRYPT", bad_record_mac},
    alert_row{"S2N_ERR_CBC_VERIFY", bad_record_mac},
    alert_row{"S2N_ERR_EARLY_DATA_TRIAL_DECRYPT", bad_record_mac},
    alert_row{"S2N_ERR_RECORD_LIMIT", record_overflow},
    alert_row{"S2N_ERR_MAX_INNER_PLAINTEXT_SIZE", record_overflow},
    alert_row{"S2N_ERR_FRAGMENT_LENGTH_TOO_LARGE", record_overflow},
    alert_row{"S2N_ERR_MAX_EARLY_DATA_SIZE", unexpected_message},
    alert_row{"S2N_ERR_STUFFER_OUT_OF_DATA", decode_error},
    alert_row{"S2N_ERR_STUFFER_IS_FULL", decode_error},
    alert_row{"S2N_ERR_STUFFER_NOT_FOUND", decode_error},
    alert_row{"S2N_ERR_SIZE_MISMATCH", decode_error},
    alert_row{"S2N_ERR_SAFETY", decode_error},
    alert_row{"S2N_ERR_NULL", decode_error},
    alert_row{"S2N_ERR_INVALID_PARSED_EXTENSIONS", decode_error},
    alert_row{"S2N_ERR_HANDSHAKE_STATE", unexpected_message},
    alert_row{"S2N_ERR_EARLY_DATA_NOT_ALLOWED", illegal_parameter},
    alert_row{"S2N_ERR_PKEY_CTX_INIT", illegal_parameter},
    alert_row{"S2N_ERR_DECODE_CERTIFICATE", bad_certificate},
    alert_row{"S2N_ERR_VERIFY_SIGNATURE", decrypt_error},
    alert_row{"S2N_ERR_INVALID_SIGNATURE_SCHEME", illegal_parameter},
    alert_row{"S2N_ERR_INVALID_SIGNATURE_ALGORITHM", illegal_parameter},
    alert_row{"S2N_ERR_INVALID_HELLO_RETRY", illegal_parameter},
    alert_row{"S2N_ERR_BAD_KEY_SHARE", illegal_parameter},
    alert_row{"S2N_ERR_PQ_CRYPTO", illegal_parameter},
    alert_row{"S2N_ERR_ECDHE_SHARED_SECRET", illegal_parameter},
    alert_row{"S2N_ERR_ECDHE_INVALID_PUBLIC_KEY", illegal_parameter},
    alert_row{"S2N_ERR_ECDHE_INVALID_PUBLIC_KEY_FIPS", illegal_parameter},
    alert_row{"S2N_ERR_DH_SHARED_SECRET", illegal_parameter},
    alert_row{"S2N_ERR_INVALID_MAX_FRAG_LEN", illegal_parameter},
    alert_row{"S2N_ERR_MAX_FRAG_LEN_MISMATCH", illegal_parameter},
    alert_row{"S2N_ERR_PROTOCOL_DOWNGRADE_DETECTED", illegal_parameter},
    alert_row{"S2N_ERR_DUPLICATE_EXTENSION", illegal_parameter},
    alert_row{"S2N_ERR_UNSUPPORTED_EXTENSION", unsupported_extension},
    alert_row{"S2N_ERR_MISSING_EXTENSION", missing_extension},
    alert_row{"S2N_ERR_NON_EMPTY_RENEGOTIATION_INFO", handshake_failure},
    alert_row{"S2N_ERR_FALLBACK_DETECTED", inappropriate_fallback},
    alert_row{"S2N_ERR_CLIENT_HELLO_VERSION", protocol_version},
    alert_row{"S2N_ERR_DH_TOO_SMALL", insufficient_security},
    alert_row{"S2N_ERR_DH_PARAMS_CREATE", insufficient_security},
    alert_row{"S2N_ERR_CERT_TYPE_UNSUPPORTED", unsupported_certificate},
    alert_row{"S2N_ERR_CERT_UNHANDLED_CRITICAL_EXTENSION", certificate_unknown},
};

std::optional<std::uint8_t> known_row(const failure& error) {
  const auto found = std::ranges::find(alert_rows, error.engine, &alert_row::name);
  if (found != alert_rows.end()) return found->what;
  return std::nullopt;
}

// Of an error whose cause says no more than that the protocol was broken.
std::uint8_t of_protocol_error(const failure& error) {
  uint8_t reported = 0;
  const bool is_engines = error.code.category() == s2n_category();
  return is_engines && s2n_error_get_alert(error.code.value(), &reported) == S2N_SUCCESS ? reported : std::uint8_t{10};
}

// Nothing where the peer has ended the connection itself: an alert would not arrive, or answer an alert. What is our
// own fault is internal_error, which says nothing about the peer (RFC 8446 §6.2).
std::optional<std::uint8_t> of_cause(const failure& error, role side) {
  switch (cause_of(error.code)) {
    case errc::alert:
    case errc::connection_closed:
    case errc::truncated:
    case errc::connection_reset: return std::nullopt;
    case errc::untrusted:
    case errc::self_signed: return unknown_ca;
    case errc::wrong_purpose: return unsupported_certificate;
    case errc::certificate_weak:
    case errc::chain_too_long:
    case errc::certificate_malformed:
    case errc::name_mismatch: return bad_certificate;
    case errc::certificate_missing: return side == role::server ? certificate_required : decode_error;
    case errc::certificate_rejected: return access_denied;
    case errc::expired:
    case errc::not_yet_valid: return certificate_expired;
    case errc::revoked: return certificate_revoked;
    case errc::revocation_unknown:
      return error.engine.starts_with("S2N_ERR_CRL") ? certificate_unknown : bad_certificate_status_response;
    case errc::ocsp_invalid: return bad_certificate_status_response;
    case errc::handshake_failed:
    case errc::no_shared_parameters:
    case errc::key_refused: return handshake_failure;
    case errc::version_unsupported: return protocol_version;
    case errc::alpn_mismatch: return no_application_protocol;
    case errc::protocol_error: return of_protocol_error(error);
    case errc::cancelled:
      return error.at == phase::handshake || error.at == phase::signing ? user_canceled : internal_error;
    default: return internal_error;  // ours: a key, a deadline, memory
  }
}

}  // namespace

std::optional<std::uint8_t> alert_for(const failure& error, int version, role side) {
  if (error.from == origin::peer) return std::nullopt;
  // s2n's error first: one cause may stand for several of them, which have different alerts.
  auto what = known_row(error);
  if (!what) what = of_cause(error, side);
  if (!what) return std::nullopt;
  // RFC 5246 §7.4.6: for want of a certificate; RFC 6101 §5.4.2 ends with 47.
  const bool is_new = *what == certificate_required || *what == missing_extension;
  if (is_new && version < S2N_TLS13) return handshake_failure;
  if (version == S2N_SSLv3 && *what > illegal_parameter) return handshake_failure;
  return what;
}

std::optional<std::uint8_t> alert_for_engine_error(std::string_view message) {
  // A record that does not open, whether for its padding, its MAC or its length (RFC 5246 §7.2.2).
  const auto* where = s2n_strerror_source(s2n_errno);
  const std::string_view source = where != nullptr ? where : "";
  constexpr std::array opening = {"s2n_record_read_", "s2n_aead_cipher", "s2n_cbc", "s2n_composite_cipher",
                                  "s2n_stream_cipher"};
  if (std::ranges::any_of(opening, [&](std::string_view file) { return source.starts_with(file); })) {
    return bad_record_mac;
  }
  const std::string_view name = s2n_strerror_name(s2n_errno);
  if (name == "S2N_ERR_DECRYPT") return bad_record_mac;
  // Whatever was wrong with it; that another message came in its place is no secret.
  if (source.starts_with("s2n_handshake_io")) return std::nullopt;
  if (message.ends_with("FINISHED")) return decrypt_error;
  if (message == "CLIENT_KEY") return illegal_parameter;
  return std::nullopt;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
