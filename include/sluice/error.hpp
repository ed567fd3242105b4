// SPDX-License-Identifier: Apache-2.0
// What can go wrong: conditions to test, codes to log, and a failure with words for people.
#pragma once

#include "sluice/same_settings.hpp"

#include <boost/system/error_code.hpp>
#include <boost/system/error_condition.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>

namespace sluice::inline v0 {

using boost::system::error_code;

// The specific causes Sluice tells apart. Test any error_code against them: `if (ec == errc::expired)`.
// A code of s2n, of a token or of the system compares equal to the cause it stands for; key_unavailable also
// matches key_timed_out and every cause of the pkcs11 row, since to a handshake they are one thing: no signature to
// be had. A code that says success equals none.
// Listed by the category the command line reports (see error_category_of).
enum class errc {
  // resolve
  name_not_found = 1,
  resolver_failed,
  // connect
  connection_refused = 20,
  unreachable,
  connection_reset,  // before TCP is up category connect, later tls
  too_many_descriptors,  // the process or the system has none left; category resolve or connect, by phase
  // tls
  handshake_failed = 40,
  protocol_error,
  no_shared_parameters,
  version_unsupported,
  alpn_mismatch,
  alert,
  truncated,  // the transport ended without close_notify (RFC 8446 §6.1)
  connection_closed,     // the peer closed the transport during the handshake
  not_ready,  // reading or writing before the handshake is done
  timed_out,
  cancelled,
  key_unavailable,
  key_refused,
  key_timed_out,
  signature_mismatch,
  ocsp_invalid,
  internal,
  out_of_memory,  // what the system lacks: memory, or room for a socket
  // certificate
  untrusted = 80,
  self_signed,
  wrong_purpose,
  certificate_weak,
  chain_too_long,
  certificate_malformed,
  certificate_missing,
  certificate_rejected,
  name_mismatch,
  expired,
  not_yet_valid,
  revoked,
  revocation_unknown,
  // config
  file_not_found = 120,
  file_unreadable,
  bad_pem,
  bad_der,
  no_certificate,
  no_private_key,
  key_mismatch,
  password_needed,
  wrong_password,
  unknown_policy,
  policy_conflict,
  bad_alpn,
  bad_uri,
  bad_name,
  trust_store_empty,
  unsupported_key,
  in_use,
  invalid_argument,
  // requirement
  requirement_not_met = 160,
  verdict_failed,
  // pkcs11, beside every CKR by name
  module_load_failed = 180,
  symbol_missing,
  module_version_unsupported,
  token_not_found,
  token_ambiguous,
  key_not_found,
  key_ambiguous,
  key_type_unsupported,
  mechanism_unsupported,
  pin_required,
  pin_final_try,
  pin_known_bad,
  encoding_error,
  queue_full,
  token_down,
};

// Categories, for logs. "sluice.config" and "sluice.tls" hold errc values, "sluice.s2n" s2n's own error numbers,
// "sluice.alert" TLS alert descriptions (RFC 8446 §6), "sluice.pkcs11" CK_RV values.
const boost::system::error_category& config_category() noexcept;
const boost::system::error_category& tls_category() noexcept;
const boost::system::error_category& s2n_category() noexcept;
const boost::system::error_category& alert_category() noexcept;
const boost::system::error_category& pkcs11_category() noexcept;

// An error code of Sluice's own: in "sluice.config" for the config row above, else in "sluice.tls".
error_code make_error_code(errc cause) noexcept;
boost::system::error_condition make_error_condition(errc cause) noexcept;

// The one cause that a code stands for, whatever its category; errc::internal for a code nobody mapped (and success).
errc cause_of(const error_code& code) noexcept;

// "untrusted", "CKR_PIN_INCORRECT": what the command line's JSON calls error.code.
std::string code_name(const error_code& code);

// "resolve", "connect", "tls", "certificate", "config", "requirement" or "pkcs11".
std::string_view category_name(const error_code& code) noexcept;

// The name of an errc, "name_mismatch".
std::string_view to_string(errc cause) noexcept;

// Where an operation was when it failed.
enum class phase : std::uint8_t { setup, resolve, connect, handshake, signing, read, write, shutdown };
std::string_view to_string(phase where) noexcept;

// Which end noticed the fault: `peer` when it told us so (an alert, a hang-up), `local` when we refused.
enum class origin : std::uint8_t { local, peer };

// A TLS alert that went with a failure (RFC 8446 §6.2). `description` is meaningful unless which is none.
struct alert_info {
  enum class direction : std::uint8_t { none, sent, received } which = direction::none;
  std::uint8_t description = 0;
};
std::string_view alert_name(std::uint8_t description) noexcept;  // "handshake_failure"; "unknown_255" if unassigned

// Everything known about one failure. Copyable; refers to nothing outside itself.
struct failure {
  error_code code;         // never zero in a failure that was reported
  std::string where;       // the place only: "site.pem: certificate 2 of 3", "example.org:443"
  std::string detail;      // what was found there: "expired 3 days ago (2026-11-20)"; may be empty
  std::string remedy;      // what to do about it; may be empty
  phase at = phase::setup;
  origin from = origin::local;
  alert_info alert;
  std::string certificate;  // subject of the certificate at fault, if one was
  int depth = -1;           // its place in the peer's chain, 0 = leaf; -1 when unknown
  std::string token;        // label of the PKCS#11 token at fault, if one was
  std::string engine;       // s2n's name for the error, "S2N_ERR_CERT_EXPIRED"; empty when it was not s2n's

  // "resolve", "connect", "tls", …: as category_name(code), but what may happen in any phase (a reset, a time-out, a
  // system that is short of something) belongs to the phase it was in.
  std::string_view category() const noexcept;
  // One line for people, made printable() (printable.hpp): the place, the code's message, the detail, the remedy.
  std::string message() const;
};

// Makes a failure of phase::setup and origin::local. What others wrote may stand in the detail and the remedy: both are
// made printable() (printable.hpp). The place is a value and stays as it is.
failure make_failure(const error_code& code, std::string_view where = {}, std::string_view detail = {},
                     std::string_view remedy = {});
failure make_failure(errc cause, std::string_view where = {}, std::string_view detail = {},
                     std::string_view remedy = {});

// Writes message().
std::ostream& operator<<(std::ostream& to, const failure& why);

// Thrown by result<T>::value(); what() is failure::message().
class error : public boost::system::system_error {
 public:
  explicit error(failure why);
  const failure& why() const noexcept { return why_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  failure why_;
  std::string text_;
};

}  // namespace sluice::inline v0

template <>
struct boost::system::is_error_condition_enum<sluice::errc> : std::true_type {};
