// SPDX-License-Identifier: Apache-2.0
// Errors: conditions to test for, codes to log, and a `failure` that explains one of them to a person.
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

namespace sluice {
inline namespace v0 {

using boost::system::error_code;

// The causes that Sluice distinguishes. Any error_code can be compared with them: `if (ec == errc::expired)`.
// A code of s2n, of a token or of the system compares equal to the cause that it stands for. key_unavailable also
// matches key_timed_out and every cause of the pkcs11 group, because they mean the same to a handshake: there is no
// signature. An error_code that means success compares equal to none of them.
// The causes are grouped by the category that the command line reports (see category_name).
enum class errc {
  // resolve
  name_not_found = 1,  // the name has no address
  resolver_failed,     // the resolver did not answer; it may later
  // connect
  connection_refused = 20,  // ECONNREFUSED
  unreachable,              // no route, no permission, or no address of the requested family
  connection_reset,         // the category is connect until TCP is connected, and tls later
  too_many_descriptors,     // the process or the system has none left; the category is resolve or connect, by phase
  // tls
  handshake_failed = 40,  // none of the other causes describes the failure
  protocol_error,         // the peer violated the TLS protocol
  no_shared_parameters,   // no cipher suite, group or signature scheme in common
  version_unsupported,    // no TLS version in common, or one that is below the minimum
  alpn_mismatch,          // no application protocol in common, where one is required
  alert,                  // the peer sent a fatal alert; failure::alert has it
  truncated,              // the transport ended without a close_notify (RFC 8446 §6.1)
  connection_closed,      // the peer closed the transport during the handshake
  not_ready,              // a read or a write was called before the handshake was done
  timed_out,              // a deadline has passed; failure::at is the phase
  cancelled,              // the program cancelled the operation
  key_unavailable,        // there is no signature; see above for what else it matches
  key_refused,            // the private key cannot make this signature, or must not
  key_timed_out,          // there was no signature at the deadline
  signature_mismatch,     // a signature does not verify with the certificate's key
  ocsp_invalid,           // a stapled OCSP response is malformed, out of date, or for another certificate
  internal,               // a fault of the library, or a code that it does not know
  out_of_memory,          // the system lacks memory, or room for a socket
  // certificate
  untrusted = 80,         // the chain does not end at an anchor, or a certificate in it may not issue the next
  self_signed,            // the leaf is its own issuer, and no anchor
  wrong_purpose,          // the key usage does not fit, or the leaf is an authority's
  certificate_weak,       // a key or a signature is too weak (see allowances), or excluded by the policy
  chain_too_long,         // more certificates, or longer ones, than are accepted (see max_chain)
  certificate_malformed,  // not X.509, or with a critical extension that is not supported
  certificate_missing,    // a client certificate is required, and none was sent
  certificate_rejected,   // the program's peer_check returned false
  name_mismatch,          // the hostname or IP address is not in the certificate
  expired,                // a certificate of the chain, by the clock of the context
  not_yet_valid,          // a certificate of the chain, by the clock of the context
  revoked,                // by a stapled OCSP response
  revocation_unknown,     // an OCSP response says so, or a must-staple certificate has none
  // config
  file_not_found = 120,  // failure::where names it
  file_unreadable,       // no permission, a folder, or larger than 16 MiB
  bad_pem,               // a PEM object is damaged; failure::where names it
  bad_der,               // neither a certificate nor a key in DER
  no_certificate,        // a file, a text or a token has none
  no_private_key,        // a file or a text has none
  key_mismatch,          // the private key is not the certificate's
  password_needed,       // the object is encrypted, and there is no password
  wrong_password,        // the password does not open the object, or the object is damaged
  unknown_policy,        // the linked s2n has no policy with that name, or rejects it
  policy_conflict,       // the policy and the versions contradict each other
  bad_alpn,              // a name is empty or too long, or there are too many
  bad_uri,               // not a PKCS#11 URI (RFC 7512)
  bad_name,              // neither a host name nor an IP address
  trust_store_empty,     // no certificate in it
  unsupported_key,       // a type, a curve or an encryption that is not supported
  in_use,                // another operation, or something that exists, forbids the call
  invalid_argument,      // an option or a call is wrong
  // requirement
  requirement_not_met = 160,  // of the command line: something that it was asked to require
  verdict_failed,             // of the command line: a check of its own
  // pkcs11; every CKR value is reported in this category too, by its name
  module_load_failed = 180,    // dlopen failed, or no module has that name
  symbol_missing,              // the file has no C_GetFunctionList
  module_version_unsupported,  // older than PKCS#11 v2.20
  token_not_found,             // no token matches the URI; failure::detail lists those that are present
  token_ambiguous,             // several tokens match the URI
  key_not_found,               // no private key matches the URI
  key_ambiguous,               // several different private keys match the URI
  key_type_unsupported,        // neither RSA nor EC
  mechanism_unsupported,       // the token cannot make this kind of signature
  pin_required,                // the token requires a login, and there is no PIN
  pin_final_try,               // one more wrong PIN would lock the token, so it was not sent
  pin_known_bad,               // the token rejected this PIN before, so it was not sent again
  encoding_error,              // the token returned something that is not a signature
  queue_full,                  // as many requests wait as may wait (key_options::queue_limit)
  token_down,                  // the token is out of use until a probe succeeds (circuit_state)
};

// The error categories, for logs. The values of "sluice.config" and "sluice.tls" are those of errc, the values of
// "sluice.s2n" are s2n's error numbers, those of "sluice.alert" are TLS alert descriptions (RFC 8446 §6), and those of
// "sluice.pkcs11" are CK_RV values.
const boost::system::error_category& config_category() noexcept;
const boost::system::error_category& tls_category() noexcept;     // of errc outside the config group
const boost::system::error_category& s2n_category() noexcept;     // of s2n's errors
const boost::system::error_category& alert_category() noexcept;   // of alerts that the peer sent
const boost::system::error_category& pkcs11_category() noexcept;  // of what a token or its module returned

// Returns a code of "sluice.config" for the causes of the config group above, and of "sluice.tls" for all others.
error_code make_error_code(errc cause) noexcept;
// For comparing an error_code with a cause: `if (ec == errc::expired)` calls it.
boost::system::error_condition make_error_condition(errc cause) noexcept;

// Returns the one cause that a code of any category stands for; errc::internal for a code without one, and for success.
errc cause_of(const error_code& code) noexcept;

// Returns the name of a code, "untrusted" or "CKR_PIN_INCORRECT". The command line's JSON has it as error.code.
std::string code_name(const error_code& code);

// Returns "resolve", "connect", "tls", "certificate", "config", "requirement" or "pkcs11".
std::string_view category_name(const error_code& code) noexcept;

// Returns the name of a cause, "name_mismatch".
std::string_view to_string(errc cause) noexcept;

// The part of an operation in which it failed.
enum class phase : std::uint8_t { setup, resolve, connect, handshake, signing, read, write, shutdown };
std::string_view to_string(phase where) noexcept;  // "handshake"

// The end that detected the fault: `peer` when the peer reported it (by an alert, or by closing the connection),
// `local` when this end rejected something.
enum class origin : std::uint8_t { local, peer };

// The TLS alert that was sent or received with a failure (RFC 8446 §6.2). `description` has a meaning unless `which` is
// none.
struct alert_info {
  // `sent`: by this end, because it rejected something; `received`: from the peer.
  enum class direction : std::uint8_t { none, sent, received } which = direction::none;  // none: there was no alert
  std::uint8_t description = 0;  // AlertDescription; alert_name() returns its name
};
std::string_view alert_name(std::uint8_t description) noexcept;  // "handshake_failure"; "unknown_255" if unassigned

// Everything that is known about one failure. It can be copied, and refers to nothing outside itself.
struct failure {
  error_code code;              // never zero in a failure that was reported
  std::string where;            // the place and nothing else: "site.pem: certificate 2 of 3", "example.org:443"
  std::string detail;           // the finding: "expired 3 days ago (2026-11-20)"; may be empty
  std::string remedy;           // the action that helps; may be empty
  phase at = phase::setup;      // the part of the operation
  origin from = origin::local;  // the end that detected the fault
  alert_info alert;             // the alert of this failure, if there was one
  std::string certificate;      // the subject of the certificate at fault; empty when none was
  int depth = -1;               // the position of that certificate in the peer's chain: 0 is the leaf, -1 unknown
  std::string token;            // the label of the PKCS#11 token at fault; empty when none was
  std::string engine;           // s2n's name for the error, "S2N_ERR_CERT_EXPIRED"; empty when s2n reported none

  // Returns "resolve", "connect", "tls", …, as category_name(code) does, except that an error which can happen in any
  // phase (a reset, a time-out, a shortage of descriptors or memory) has the category of the phase it happened in.
  std::string_view category() const noexcept;
  // Returns one line for people: the place, the code's message, the detail and the remedy, made printable()
  // (printable.hpp).
  std::string message() const;
};

// Makes a failure of phase::setup and origin::local. The detail and the remedy may quote text of a peer, a token or a
// file: both are made printable() (printable.hpp). The place is a value and is not changed.
failure make_failure(const error_code& code, std::string_view where = {}, std::string_view detail = {},
                     std::string_view remedy = {});
failure make_failure(errc cause, std::string_view where = {}, std::string_view detail = {},
                     std::string_view remedy = {});

// Returns the action that usually helps against a cause, "check the spelling of the name"; empty if it depends on the
// case. The library's own failures have this as their remedy where nothing better is known; make_failure() adds none.
std::string_view usual_remedy(errc cause) noexcept;

// Writes message().
std::ostream& operator<<(std::ostream& to, const failure& cause);

// Thrown by result<T>::value(); what() is failure::message().
class error : public boost::system::system_error {
 public:
  explicit error(failure cause);                                        // its code() is that of the failure
  const failure& why() const noexcept { return why_; }                  // lives as long as the exception
  const char* what() const noexcept override { return text_.c_str(); }  // one line, printable()

 private:
  failure why_;
  std::string text_;
};

}  // namespace v0
}  // namespace sluice

template <>
struct boost::system::is_error_condition_enum<sluice::errc> : std::true_type {};
