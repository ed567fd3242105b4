// SPDX-License-Identifier: Apache-2.0
// The table of causes, the categories that refer to it, and the sentences made from both.
#include "sluice/error.hpp"

#include "core/base/error_tables.hpp"
#include "sluice/printable.hpp"
#include "sluice/result.hpp"

#include <boost/system/errc.hpp>

#include <netdb.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ostream>

namespace sluice {
inline namespace v0 {
namespace {

using boost::system::error_category;
using boost::system::error_condition;

// One row a cause, for everything that is said of it: `name` is in the JSON of the command line and never changes,
// `category` is the group that it is reported in, `message` is for people.
struct cause_row {
  errc cause;
  const char* name;
  const char* category;
  const char* message;
};

constexpr const char* resolve = "resolve";
constexpr const char* connect = "connect";
constexpr const char* tls = "tls";
constexpr const char* cert = "certificate";
constexpr const char* config = "config";
constexpr const char* requirement = "requirement";
constexpr const char* pkcs11 = "pkcs11";

constexpr std::array causes = {
    cause_row{errc::name_not_found, "name_not_found", resolve, "the name does not exist"},
    cause_row{errc::resolver_failed, "resolver_failed", resolve, "the name could not be looked up"},
    cause_row{errc::connection_refused, "refused", connect, "connection refused"},
    cause_row{errc::unreachable, "unreachable", connect, "the address cannot be reached"},
    cause_row{errc::connection_reset, "reset", tls, "the peer reset the connection"},
    cause_row{errc::too_many_descriptors, "too_many_descriptors", connect, "no file descriptor is left"},
    cause_row{errc::handshake_failed, "handshake_failed", tls, "the TLS handshake failed"},
    cause_row{errc::protocol_error, "protocol_error", tls, "the peer broke the TLS protocol"},
    cause_row{errc::no_shared_parameters, "no_shared_parameters", tls, "no cipher suite, group or signature in common"},
    cause_row{errc::version_unsupported, "version_unsupported", tls, "no TLS version in common"},
    cause_row{errc::alpn_mismatch, "alpn_mismatch", tls, "no application protocol in common"},
    cause_row{errc::alert, "alert", tls, "the peer sent a fatal alert"},
    cause_row{errc::truncated, "truncated", tls, "the connection was cut: it ended without close_notify"},
    cause_row{errc::connection_closed, "closed", tls, "the peer closed the connection during the handshake"},
    cause_row{errc::not_ready, "not_ready", tls, "the handshake is not done"},
    cause_row{errc::timed_out, "timed_out", tls, "timed out"},
    cause_row{errc::cancelled, "cancelled", tls, "cancelled"},
    cause_row{errc::key_unavailable, "key_unavailable", tls, "the private key is unavailable"},
    cause_row{errc::key_refused, "key_refused", tls, "the private key cannot do what was asked"},
    cause_row{errc::key_timed_out, "key_timed_out", tls, "the private key did not answer in time"},
    cause_row{errc::signature_mismatch, "signature_mismatch", tls,
              "the private key's signature does not fit the certificate"},
    cause_row{errc::ocsp_invalid, "ocsp_invalid", tls, "the stapled OCSP response is invalid"},
    cause_row{errc::internal, "internal", tls, "internal error"},
    cause_row{errc::out_of_memory, "out_of_memory", tls, "out of memory"},
    cause_row{errc::untrusted, "untrusted", cert, "the certificate does not lead to a trusted authority"},
    cause_row{errc::self_signed, "self_signed", cert, "the certificate is self-signed and not trusted"},
    cause_row{errc::wrong_purpose, "wrong_purpose", cert, "the certificate is not for this purpose"},
    cause_row{errc::certificate_weak, "weak", cert, "the certificate's key or signature is too weak"},
    cause_row{errc::chain_too_long, "chain_too_long", cert, "the certificate chain is too long"},
    cause_row{errc::certificate_malformed, "malformed", cert, "the certificate is malformed"},
    cause_row{errc::certificate_missing, "missing", cert, "no certificate was sent"},
    cause_row{errc::certificate_rejected, "rejected", cert, "the certificate was refused by the application"},
    cause_row{errc::name_mismatch, "name_mismatch", cert, "the certificate is for another name"},
    cause_row{errc::expired, "expired", cert, "the certificate has expired"},
    cause_row{errc::not_yet_valid, "not_yet_valid", cert, "the certificate is not valid yet"},
    cause_row{errc::revoked, "revoked", cert, "the certificate is revoked"},
    cause_row{errc::revocation_unknown, "revocation_unknown", cert, "the certificate's revocation status is not known"},
    cause_row{errc::file_not_found, "file_not_found", config, "file not found"},
    cause_row{errc::file_unreadable, "file_unreadable", config, "the file cannot be used"},
    cause_row{errc::bad_pem, "bad_pem", config, "not valid PEM"},
    cause_row{errc::bad_der, "bad_der", config, "not valid DER"},
    cause_row{errc::no_certificate, "no_certificate", config, "no certificate"},
    cause_row{errc::no_private_key, "no_private_key", config, "no private key"},
    cause_row{errc::key_mismatch, "key_mismatch", config, "the private key does not belong to the certificate"},
    cause_row{errc::password_needed, "password_needed", config, "a password is needed"},
    cause_row{errc::wrong_password, "wrong_password", config, "the password is wrong"},
    cause_row{errc::unknown_policy, "unknown_policy", config, "no such security policy"},
    cause_row{errc::policy_conflict, "policy_conflict", config, "the security policy contradicts the other options"},
    cause_row{errc::bad_alpn, "bad_alpn", config, "not a valid list of application protocols"},
    cause_row{errc::bad_uri, "bad_uri", config, "not a valid PKCS#11 URI"},
    cause_row{errc::bad_name, "bad_name", config, "not a valid host name or IP address"},
    cause_row{errc::trust_store_empty, "trust_store_empty", config, "the trust store has no certificate"},
    cause_row{errc::unsupported_key, "unsupported_key", config, "a key of this type cannot be used"},
    cause_row{errc::in_use, "in_use", config, "in use"},
    cause_row{errc::invalid_argument, "usage", config, "used wrongly"},
    cause_row{errc::requirement_not_met, "requirement_not_met", requirement, "a requirement is not met"},
    cause_row{errc::verdict_failed, "verdict_failed", requirement, "a verdict failed"},
    cause_row{errc::module_load_failed, "module_load_failed", pkcs11, "the PKCS#11 module cannot be loaded"},
    cause_row{errc::symbol_missing, "symbol_missing", pkcs11, "the file is not a PKCS#11 module"},
    cause_row{errc::module_version_unsupported, "module_version_unsupported", pkcs11,
              "the PKCS#11 module's version is not supported"},
    cause_row{errc::token_not_found, "token_not_found", pkcs11, "no such token"},
    cause_row{errc::token_ambiguous, "token_ambiguous", pkcs11, "more than one token fits"},
    cause_row{errc::key_not_found, "key_not_found", pkcs11, "no such private key on the token"},
    cause_row{errc::key_ambiguous, "key_ambiguous", pkcs11, "more than one private key fits"},
    cause_row{errc::key_type_unsupported, "key_type_unsupported", pkcs11, "a key of this type cannot be used"},
    cause_row{errc::mechanism_unsupported, "mechanism_unsupported", pkcs11, "the token lacks the mechanism"},
    cause_row{errc::pin_required, "pin_required", pkcs11, "a PIN is needed"},
    cause_row{errc::pin_final_try, "pin_final_try", pkcs11, "the token's last PIN try is kept for a person"},
    cause_row{errc::pin_known_bad, "pin_known_bad", pkcs11, "this PIN was wrong before and is not sent again"},
    cause_row{errc::encoding_error, "encoding_error", pkcs11,
              "the token answered with something that is not a signature"},
    cause_row{errc::queue_full, "queue_full", pkcs11, "too much work waits for the token"},
    cause_row{errc::token_down, "token_down", pkcs11, "the token is out of order"},
};

const cause_row& row_of(errc cause) noexcept {
  for (const auto& row : causes) {
    if (row.cause == cause) return row;
  }
  return row_of(errc::internal);
}

bool is_key_trouble(errc cause) noexcept { return row_of(cause).category == pkcs11 || cause == errc::key_timed_out; }

// Holds errc values: as codes (config, tls) and as the one category of conditions.
// Conditions and our own codes have the same values, so one class serves three objects; they differ in name and address
// only. equivalent() is what `ec == errc::x` ends in, for codes of any category.
class cause_category final : public error_category {
 public:
  constexpr explicit cause_category(const char* name) noexcept : name_(name) {}
  const char* name() const noexcept override { return name_; }
  std::string message(int value) const override { return row_of(static_cast<errc>(value)).message; }
  error_condition default_error_condition(int value) const noexcept override;
  bool equivalent(const error_code& code, int condition) const noexcept override {
    // Success would otherwise equal errc::internal, which cause_of() returns for all that it does not know.
    if (!code.failed()) return false;
    const auto wanted = static_cast<errc>(condition);
    const auto cause = cause_of(code);
    return cause == wanted || (wanted == errc::key_unavailable && is_key_trouble(cause));
  }

 private:
  const char* name_;
};

class s2n_error_category final : public error_category {
 public:
  const char* name() const noexcept override { return "sluice.s2n"; }
  std::string message(int value) const override { return internal::s2n_message(value); }
  error_condition default_error_condition(int value) const noexcept override {
    return make_error_condition(internal::s2n_cause(value));
  }
};

class tls_alert_category final : public error_category {
 public:
  const char* name() const noexcept override { return "sluice.alert"; }
  std::string message(int value) const override {
    return "the peer sent the alert " + std::string(alert_name(static_cast<std::uint8_t>(value)));
  }
  error_condition default_error_condition(int) const noexcept override { return make_error_condition(errc::alert); }
};

class ckr_category final : public error_category {
 public:
  const char* name() const noexcept override { return "sluice.pkcs11"; }
  std::string message(int value) const override {
    return "the token answered " + internal::ckr_name(static_cast<std::uint32_t>(value));
  }
  error_condition default_error_condition(int value) const noexcept override {
    return make_error_condition(internal::ckr_cause(static_cast<std::uint32_t>(value)));
  }
};

// constexpr, so that they are there before any static initialiser of a program compares an error with a cause.
constexpr cause_category conditions("sluice");
constexpr cause_category config_codes("sluice.config");
constexpr cause_category tls_codes("sluice.tls");

error_condition cause_category::default_error_condition(int value) const noexcept { return {value, conditions}; }

constexpr int beast_timeout = 1;  // boost::beast::error::timeout: a layer of Beast's under a stream gave up

// Codes of the system and of the resolver (netdb.h, as Asio reports them) that an operation of ours can end with.
// Categories of Asio and Beast are known by their names, because the core includes neither.
errc foreign_cause(const error_code& code) noexcept {
  namespace sys = boost::system::errc;
  const std::string_view category = code.category().name();
  if (category == "asio.netdb") {
    return code.value() == HOST_NOT_FOUND || code.value() == NO_DATA ? errc::name_not_found : errc::resolver_failed;
  }
  if (category == "asio.addrinfo") return errc::resolver_failed;
  if (category == "asio.misc") return errc::connection_closed;
  if (category == "boost.beast") return code.value() == beast_timeout ? errc::timed_out : errc::internal;
  const auto is = [&code](sys::errc_t e) { return code == sys::make_error_condition(e); };
  if (is(sys::connection_refused)) return errc::connection_refused;
  if (is(sys::connection_reset) || is(sys::broken_pipe) || is(sys::connection_aborted)) return errc::connection_reset;
  if (is(sys::timed_out)) return errc::timed_out;
  if (is(sys::operation_canceled)) return errc::cancelled;
  if (is(sys::no_such_file_or_directory)) return errc::file_not_found;
  if (is(sys::too_many_files_open) || is(sys::too_many_files_open_in_system)) return errc::too_many_descriptors;
  if (is(sys::not_enough_memory) || is(sys::no_buffer_space)) return errc::out_of_memory;
  if (is(sys::address_family_not_supported) || is(sys::protocol_not_supported)) return errc::unreachable;
  if (is(sys::host_unreachable) || is(sys::network_unreachable) || is(sys::address_not_available) ||
      is(sys::network_down) || is(sys::permission_denied)) {
    return errc::unreachable;
  }
  return errc::internal;
}

}  // namespace

const error_category& config_category() noexcept { return config_codes; }
const error_category& tls_category() noexcept { return tls_codes; }

const error_category& s2n_category() noexcept {
  static const s2n_error_category category;
  return category;
}

const error_category& alert_category() noexcept {
  static const tls_alert_category category;
  return category;
}

const error_category& pkcs11_category() noexcept {
  static const ckr_category category;
  return category;
}

error_code make_error_code(errc cause) noexcept {
  const bool is_config = row_of(cause).category == config;
  return {static_cast<int>(cause), is_config ? config_category() : tls_category()};
}

error_condition make_error_condition(errc cause) noexcept { return {static_cast<int>(cause), conditions}; }

errc cause_of(const error_code& code) noexcept {
  const auto condition = code.default_error_condition();
  if (condition.category() == conditions) return static_cast<errc>(condition.value());
  return foreign_cause(code);
}

std::string code_name(const error_code& code) {
  if (code.category() == pkcs11_category()) return internal::ckr_name(static_cast<std::uint32_t>(code.value()));
  return std::string(to_string(cause_of(code)));
}

std::string_view category_name(const error_code& code) noexcept {
  return code.category() == pkcs11_category() ? pkcs11 : row_of(cause_of(code)).category;
}

std::string_view to_string(errc cause) noexcept { return row_of(cause).name; }

std::string_view to_string(phase where) noexcept {
  switch (where) {
    case phase::setup: return "setup";
    case phase::resolve: return "resolve";
    case phase::connect: return "connect";
    case phase::handshake: return "handshake";
    case phase::signing: return "signing";
    case phase::read: return "read";
    case phase::write: return "write";
    case phase::shutdown: return "shutdown";
  }
  return "unknown";
}

namespace {

// "unknown_255", for any number: the text stays where it is.
constexpr auto unknown_alerts = [] {
  std::array<std::array<char, 11>, 256> made{};
  for (std::size_t i = 0; i < made.size(); ++i) {
    constexpr std::string_view beginning = "unknown_";
    std::size_t at = 0;
    for (const char c : beginning) made[i][at++] = c;
    if (i >= 100) made[i][at++] = static_cast<char>('0' + i / 100);
    if (i >= 10) made[i][at++] = static_cast<char>('0' + i / 10 % 10);
    made[i][at] = static_cast<char>('0' + i % 10);
  }
  return made;
}();

std::string_view unknown_alert(std::uint8_t description) noexcept {
  const std::string_view text(unknown_alerts[description].data(), unknown_alerts[description].size());
  return text.substr(0, std::min(text.find('\0'), text.size()));
}

}  // namespace

std::string_view alert_name(std::uint8_t description) noexcept {
  switch (description) {  // RFC 8446 §6, RFC 5246 §7.2, RFC 7301, RFC 7507
    case 0: return "close_notify";
    case 10: return "unexpected_message";
    case 20: return "bad_record_mac";
    case 21: return "decryption_failed";
    case 22: return "record_overflow";
    case 30: return "decompression_failure";
    case 40: return "handshake_failure";
    case 41: return "no_certificate";
    case 42: return "bad_certificate";
    case 43: return "unsupported_certificate";
    case 44: return "certificate_revoked";
    case 45: return "certificate_expired";
    case 46: return "certificate_unknown";
    case 47: return "illegal_parameter";
    case 48: return "unknown_ca";
    case 49: return "access_denied";
    case 50: return "decode_error";
    case 51: return "decrypt_error";
    case 60: return "export_restriction";
    case 70: return "protocol_version";
    case 71: return "insufficient_security";
    case 80: return "internal_error";
    case 86: return "inappropriate_fallback";
    case 90: return "user_canceled";
    case 100: return "no_renegotiation";
    case 109: return "missing_extension";
    case 110: return "unsupported_extension";
    case 111: return "certificate_unobtainable";
    case 112: return "unrecognized_name";
    case 113: return "bad_certificate_status_response";
    case 114: return "bad_certificate_hash_value";
    case 115: return "unknown_psk_identity";
    case 116: return "certificate_required";
    case 120: return "no_application_protocol";
    default: return unknown_alert(description);
  }
}

std::string_view failure::category() const noexcept {
  const auto cause = cause_of(code);
  // The cause alone does not say whether TCP was connected; the phase does.
  constexpr std::array in_any_phase = {errc::connection_reset,     errc::timed_out, errc::connection_closed,
                                       errc::too_many_descriptors, errc::internal,  errc::out_of_memory};
  if (std::ranges::find(in_any_phase, cause) != in_any_phase.end()) {
    if (at == phase::resolve) return resolve;
    if (at == phase::connect) return connect;
  }
  return category_name(code);
}

std::string failure::message() const {
  std::string text;
  const auto add = [&text](std::string_view separator, std::string_view part) {
    if (part.empty()) return;
    if (!text.empty()) text += separator;
    text += printable(part);
  };
  add("", where);
  add(": ", code ? code.message() : std::string("no error"));
  add(": ", detail);
  add("; ", remedy);
  return text;
}

failure make_failure(const error_code& code, std::string_view where, std::string_view detail, std::string_view remedy) {
  failure cause;
  cause.code = code;
  cause.where = where;
  cause.detail = printable(detail);
  cause.remedy = printable(remedy);
  return cause;
}

failure make_failure(errc cause, std::string_view where, std::string_view detail, std::string_view remedy) {
  return make_failure(make_error_code(cause), where, detail, remedy);
}

std::ostream& operator<<(std::ostream& to, const failure& cause) { return to << cause.message(); }

error::error(failure cause) : system_error(cause.code, cause.where), why_(std::move(cause)), text_(why_.message()) {}

void throw_exception_from_error(const failure& cause, const boost::source_location&) { throw error(cause); }

}  // namespace v0
}  // namespace sluice
