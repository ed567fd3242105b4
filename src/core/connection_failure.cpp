// SPDX-License-Identifier: Apache-2.0
// What to say of a connection that failed: the cause, the place, and what to do about it.
#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/connection_impl.hpp"
#include "core/engine_versions.hpp"
#include "core/wire/numbers.hpp"
#include "core/x509/diagnosis.hpp"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace {

using internal::in_phase;

failure of_peer(phase at, failure error) {
  error.from = origin::peer;
  return in_phase(at, std::move(error));
}

struct ocsp_answer {
  std::string refusal;  // "trylater": there is no answer
  bool is_unknown = false;
};

ocsp_answer read_ocsp(std::span<const uint8_t> der) {
  ocsp_answer answer;
  const auto* at = der.data();
  const bssl::UniquePtr<OCSP_RESPONSE> response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
  const int status = response ? OCSP_response_status(response.get()) : OCSP_RESPONSE_STATUS_SUCCESSFUL;
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) answer.refusal = OCSP_response_status_str(status);
  const bssl::UniquePtr<OCSP_BASICRESP> basic(response ? OCSP_response_get1_basic(response.get()) : nullptr);
  for (int i = 0; basic && i < OCSP_resp_count(basic.get()); ++i) {
    auto* one = OCSP_resp_get0(basic.get(), static_cast<std::size_t>(i));
    const int says = OCSP_single_get0_status(one, nullptr, nullptr, nullptr, nullptr);
    answer.is_unknown = answer.is_unknown || says == V_OCSP_CERTSTATUS_UNKNOWN;
  }
  ERR_clear_error();
  return answer;
}

// Alerts of a peer that finds no version, cipher suite, group or signature in common (RFC 8446 §6.2).
bool is_about_parameters(const alert_info& alert) {
  using namespace internal::wire;
  return alert.which == alert_info::direction::received &&
         (alert.description == handshake_failure || alert.description == protocol_version ||
          alert.description == insufficient_security);
}

// "the client offers TLSv1.1 at most, ", where that is known.
std::string what_they_want(s2n_connection* conn, role side) {
  const bool is_server = side == role::server;
  const int wanted =
      is_server ? s2n_connection_get_client_protocol_version(conn) : s2n_connection_get_server_protocol_version(conn);
  if (wanted < S2N_SSLv3) return {};
  return is_server ? "the client offers " + internal::version_text(wanted) + " at most, "
                   : "the server chose " + internal::version_text(wanted) + ", ";
}

// The supported_versions of a ClientHello (RFC 8446 §4.2.1), none of them allowed here. s2n says of it that there is
// no cipher suite in common.
bool offers_only_versions_outside(s2n_connection* conn, tls_version least, tls_version most) {
  auto* hello = s2n_connection_get_client_hello(conn);
  std::array<std::uint8_t, 64> list{};
  constexpr auto supported_versions = static_cast<s2n_tls_extension_type>(internal::wire::ext_supported_versions);
  const auto room = static_cast<uint32_t>(list.size());
  const auto size =
      hello == nullptr ? 0 : s2n_client_hello_get_extension_by_id(hello, supported_versions, list.data(), room);
  bool is_any = false;
  for (std::size_t i = 1; size > 0 && i + 1 < static_cast<std::size_t>(size) && i + 1 < list.size(); i += 2) {
    const int offered = list[i] << 8 | list[i + 1];
    is_any = is_any || (offered >= 0x0300 && offered <= internal::wire::version_tls13);
    if (offered >= static_cast<int>(least) && offered <= static_cast<int>(most)) return false;
  }
  return is_any;
}

constexpr std::size_t max_of_message = 64 * 1024;  // s2n's

// The size of a Certificate message that s2n does not take; 0 where there is none.
std::size_t oversized_certificate(const internal::flight_record& flight) {
  const auto read = flight.messages();
  const bool is_it =
      read.unfinished_type == internal::wire::message_certificate && read.unfinished_size > max_of_message;
  return is_it ? read.unfinished_size : 0;
}

// "SERVER CERT": the message that came last, or that could not be read.
std::string last_message(s2n_connection* conn) {
  const char* name = s2n_connection_get_last_message_name(conn);
  return name != nullptr ? name : std::string();
}

// The server took a session that was not offered (RFC 8446 §4.2.11). s2n's name for it is that of a caller's mistake,
// so the place in s2n decides.
bool is_foreign_session() {
  const auto* where = s2n_strerror_source(s2n_errno);
  return where != nullptr && std::string_view(where).starts_with("s2n_server_psk.c:") &&
         s2n_error_get_type(s2n_errno) == S2N_ERR_T_USAGE;
}

std::string store_of(const context::state& shared) {
  return shared.trust ? internal::store_text(shared.trust->anchors().size(), shared.trust->where()) : std::string();
}

std::string what_we_offer(const context::state& shared) {
  return "we offer " + std::string(to_string(std::max(shared.policy.min, shared.min_version))) + " to " +
         std::string(to_string(shared.policy.max)) + " (policy " + shared.policy.name + ")";
}

void complete(failure& error, std::string detail, std::string remedy) {
  if (error.detail.empty()) error.detail = std::move(detail);
  if (error.remedy.empty()) error.remedy = std::move(remedy);
}

}  // namespace

failure connection::impl::transport_failure(const error_code& ec, phase at) const {
  return of_peer(at, make_failure(ec, target.place));
}

// The alert of the peer's that ended it.
failure connection::impl::alert_failure(std::uint8_t description, phase at) {
  totals.alert_received = description;
  if (description == close_notify) {
    const bool is_handshake = at == phase::handshake || at == phase::signing;
    return of_peer(at, make_failure(is_handshake ? errc::connection_closed : errc::truncated, target.place,
                                    "it sent close_notify"));
  }
  auto error = make_failure(error_code(description, alert_category()), target.place);
  error.alert = {alert_info::direction::received, description};
  return of_peer(at, std::move(error));
}

// s2n_errno right now, distinguished from what the transport and the peer did.
failure connection::impl::engine_failure(phase at) {
  if (errors.of_callback.code) return errors.of_callback;
  auto error = internal::s2n_failure(target.place);
  const int type = s2n_error_get_type(error.code.value());
  if (type == S2N_ERR_T_BLOCKED) return {};
  if (input.error && (type == S2N_ERR_T_IO || type == S2N_ERR_T_CLOSED)) return transport_failure(input.error, at);
  // The system reports a reset once. If a write got it, a read finds no more than an end.
  const bool is_reset = input.has_ended && output.error == boost::system::errc::connection_reset;
  if (is_reset && type == S2N_ERR_T_CLOSED) return transport_failure(output.error, at);
  if (type == S2N_ERR_T_ALERT)
    return alert_failure(static_cast<std::uint8_t>(s2n_connection_get_alert(conn.get())), at);
  if (type == S2N_ERR_T_CLOSED) {
    error.code = make_error_code(at == phase::handshake ? errc::connection_closed : errc::truncated);
    if (!input.has_ended) {
      error.detail = "it sent close_notify";
      totals.alert_received = close_notify;
    }
    return of_peer(at, std::move(error));
  }
  if (is_foreign_session()) {
    error.code = make_error_code(errc::protocol_error);
    errors.alert = internal::wire::illegal_parameter;
  }
  if (!errors.alert && !errors.of_callback.code) {
    errors.alert = internal::alert_for_engine_error(at == phase::handshake ? last_message(conn.get()) : std::string());
  }
  if (side == role::server && cause_of(error.code) == errc::no_shared_parameters) {
    const auto least = std::max(shared().policy.min, shared().min_version);
    if (offers_only_versions_outside(conn.get(), least, shared().policy.max))
      errors.alert = internal::wire::protocol_version;
  }
  explain_ocsp(error);
  return in_phase(at, std::move(error));
}

// A stapled response is kept once the chain has passed, so what s2n then says of "the certificate" is about it.
void connection::impl::explain_ocsp(failure& error) const {
  uint32_t size = 0;
  const auto* response = s2n_connection_get_ocsp_response(conn.get(), &size);
  if (response == nullptr || size == 0) return;
  const auto call_it = [&error](errc cause, std::string detail) {
    error.code = make_error_code(cause);
    error.detail = "the stapled response " + std::move(detail);
  };
  switch (cause_of(error.code)) {
    case errc::expired: return call_it(errc::ocsp_invalid, "is out of date");
    case errc::certificate_malformed: return call_it(errc::ocsp_invalid, "is from the future");
    case errc::untrusted: break;
    default: return;
  }
  const auto answer = read_ocsp({response, size});
  if (!answer.refusal.empty()) return call_it(errc::ocsp_invalid, "says \"" + answer.refusal + '"');
  if (answer.is_unknown) return call_it(errc::revocation_unknown, "says that the authority does not know it");
  call_it(errc::ocsp_invalid, "is signed by another authority, or about another certificate");
}

// A hello with post-quantum key shares takes two TCP segments, which some middleboxes do not put together.
std::string connection::impl::remedy_for_silence() const {
  constexpr std::size_t segment = 1400;
  const bool may_be_lost = side == role::client && !handshake.is_established && handshake.flight.size() == 0 &&
                           handshake.own_flight.size() > segment && ctx.policy().post_quantum;
  if (!may_be_lost) return {};
  return "see the peer's log, or whether it answers others; our hello of " +
         std::to_string(handshake.own_flight.size()) +
         " bytes, with post-quantum key shares, is longer than a TCP segment, which may get lost: "
         "try a policy without, 20240501";
}

// Details and remedies that need the connection to be known: what the failure has already stays.
void connection::impl::explain(failure& error) const {
  explain_chain(error);
  if (explain_engine(error)) return;
  explain_cause(error);
}

void connection::impl::explain_chain(failure& error) const {
  if (error.category() != "certificate" || !watches_flight() || !shared().trust) return;
  const auto sent = unverified_certificates();
  const auto now = shared().clock ? shared().clock->now() : std::chrono::system_clock::now();
  internal::explain_certificate(
      error, {sent, shared().trust->anchors(), shared().trust->where(), now, side, shared().max_chain});
}

// By s2n's own name of the error. Returns whether that says it all.
bool connection::impl::explain_engine(failure& error) const {
  const auto is = [&error](std::string_view name) { return error.engine == name; };
  if (is("S2N_ERR_BAD_MESSAGE") && watches_flight()) {
    if (const auto size = oversized_certificate(handshake.flight)) {
      error.code = make_error_code(errc::chain_too_long);
      complete(error,
               "its Certificate message has " + std::to_string(size) + " bytes, and " + std::to_string(max_of_message) +
                   " are the most that are taken",
               "have it send smaller certificates, or fewer: this is a limit of ours, not of TLS");
      return true;
    }
  }
  if (is("S2N_ERR_PROTOCOL_DOWNGRADE_DETECTED")) {
    complete(error, "it can do better than it chose (RFC 8446 §4.1.3)",
             "a middlebox may be changing the handshake: connect without proxies and inspection");
    return true;
  }
  if (is("S2N_ERR_DH_TOO_SMALL") || is("S2N_ERR_DH_PARAMS_CREATE")) {
    complete(error, "its Diffie-Hellman group has less than 2048 bits", "have the server use ECDHE, or a larger group");
    return true;
  }
  if (is("S2N_ERR_MAX_EARLY_DATA_SIZE") || (is("S2N_ERR_BAD_MESSAGE") && is_early_data_full())) {
    const auto allowed = std::to_string(shared().max_early_data);
    complete(error, "the client sent more early data than the " + allowed + " bytes allowed",
             "have every server that takes the same tickets allow as much");
    return true;
  }
  return false;
}

void connection::impl::explain_cause(failure& error) const {
  const bool is_client = side == role::client;
  const std::string compare =
      is_client ? "compare with what the server supports" : "compare with what the client supports";
  switch (cause_of(error.code)) {
    case errc::untrusted:
      return complete(error, store_of(shared()),
                      "add the issuing authority to the trust, or have the peer send its intermediate certificates");
    case errc::version_unsupported:
      return complete(error, what_they_want(conn.get(), side) + what_we_offer(shared()), compare);
    case errc::no_shared_parameters: return complete(error, what_we_offer(shared()), compare);
    case errc::alert:
      if (is_client && is_about_parameters(error.alert))
        complete(error, what_we_offer(shared()), compare + "; its log says what it missed");
      return;
    case errc::certificate_missing:
      return is_client ? complete(error, "", "have the server send its certificate")
                       : complete(error, "the client has none to send",
                                  "give the client one of an authority that is trusted here, or ask with "
                                  "client_auth::optional");
    case errc::connection_closed:
    case errc::connection_reset:
    case errc::timed_out: return complete(error, "", remedy_for_silence());
    case errc::truncated:
      return complete(error, "", "treat what was read as incomplete unless its own format says otherwise");
    case errc::expired: return complete(error, "", "renew the certificate, or correct this machine's clock");
    case errc::not_yet_valid: return complete(error, "", "correct the clock of the machine that is wrong");
    case errc::protocol_error: {
      const auto message = error.at == phase::handshake ? last_message(conn.get()) : std::string();
      return complete(error, message.empty() ? "" : "at the message " + message,
                      "the peer speaks TLS, and not by its rules: see what it is, and what is on the way");
    }
    case errc::wrong_purpose:
      return complete(error, "",
                      is_client ? "have one issued with the extended key usage serverAuth"
                                : "have one issued with the extended key usage clientAuth");
    default: return;
  }
}

}  // namespace v0
}  // namespace sluice
