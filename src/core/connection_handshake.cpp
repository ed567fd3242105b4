// SPDX-License-Identifier: Apache-2.0
// From the first byte to an established connection, with a pause wherever a private key must be asked.
#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/callbacks.hpp"
#include "core/connection_io.hpp"
#include "core/engine_calls.hpp"
#include "core/engine_versions.hpp"
#include "core/identity_state.hpp"

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace {

using clock_type = std::chrono::steady_clock;

using internal::in_phase;
using internal::s2n_version;
using internal::signing_failure;
using internal::version_text;

// s2n names algorithms in two parts; TLS names the pair.
std::optional<signature_scheme> scheme_of(s2n_tls_signature_algorithm algorithm, s2n_tls_hash_algorithm hash) {
  struct row {
    s2n_tls_hash_algorithm hash;
    signature_scheme pkcs1, ecdsa, pss_rsae, pss_pss;
  };
  using enum signature_scheme;
  constexpr auto none = signature_scheme{};
  constexpr std::array rows = {
      row{S2N_TLS_HASH_MD5_SHA1, rsa_pkcs1_md5_sha1, none, none, none},
      row{S2N_TLS_HASH_SHA1, rsa_pkcs1_sha1, ecdsa_sha1, none, none},
      row{S2N_TLS_HASH_SHA224, rsa_pkcs1_sha224, ecdsa_sha224, none, none},
      row{S2N_TLS_HASH_SHA256, rsa_pkcs1_sha256, ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256, rsa_pss_pss_sha256},
      row{S2N_TLS_HASH_SHA384, rsa_pkcs1_sha384, ecdsa_secp384r1_sha384, rsa_pss_rsae_sha384, rsa_pss_pss_sha384},
      row{S2N_TLS_HASH_SHA512, rsa_pkcs1_sha512, ecdsa_secp521r1_sha512, rsa_pss_rsae_sha512, rsa_pss_pss_sha512},
  };
  const auto found = std::ranges::find(rows, hash, &row::hash);
  auto scheme = none;
  if (found != rows.end()) {
    if (algorithm == S2N_TLS_SIGNATURE_RSA) scheme = found->pkcs1;
    if (algorithm == S2N_TLS_SIGNATURE_ECDSA) scheme = found->ecdsa;
    if (algorithm == S2N_TLS_SIGNATURE_RSA_PSS_RSAE) scheme = found->pss_rsae;
    if (algorithm == S2N_TLS_SIGNATURE_RSA_PSS_PSS) scheme = found->pss_pss;
  }
  if (scheme == none) return std::nullopt;
  return scheme;
}

// The two roles keep their choice in different places; asking for the client's on a server gets nothing.
std::optional<signature_scheme> selected_scheme(s2n_connection* conn, role side) {
  auto algorithm = S2N_TLS_SIGNATURE_ANONYMOUS;
  auto hash = S2N_TLS_HASH_NONE;
  const bool is_known =
      side == role::server
          ? s2n_connection_get_selected_signature_algorithm(conn, &algorithm) == S2N_SUCCESS &&
                s2n_connection_get_selected_digest_algorithm(conn, &hash) == S2N_SUCCESS
          : s2n_connection_get_selected_client_cert_signature_algorithm(conn, &algorithm) == S2N_SUCCESS &&
                s2n_connection_get_selected_client_cert_digest_algorithm(conn, &hash) == S2N_SUCCESS;
  return is_known ? scheme_of(algorithm, hash) : std::nullopt;
}

const identity::state* identity_in_use(s2n_connection* conn) {
  auto* chain = s2n_connection_get_selected_cert(conn);
  return chain ? static_cast<const identity::state*>(s2n_cert_chain_and_key_get_ctx(chain)) : nullptr;
}

std::string text_of(const char* text) { return text ? text : ""; }
std::string_view name_of(const char* text) { return text ? text : std::string_view(); }

// For a failure: the name of a key of the application's, which may throw.
std::string name_of(const private_key& key) try { return key.name(); } catch (const std::exception&) {
  return "private key";
}

}  // namespace

// How one call of s2n_negotiate ended.
struct connection::impl::negotiation {
  bool is_done = false;
  bool is_blocked = false;
  s2n_blocked_status on = S2N_NOT_BLOCKED;
  failure error;
};

connection::impl::negotiation connection::impl::run_negotiation(transport& transport) {
  negotiation ran;
  call call(*this, transport);
  handshake.is_negotiating = true;
  if (side == role::server && shared().max_early_data > 0) {
    ran.is_done = negotiate_and_take(ran.on);
  } else {
    ran.is_done = send_early_data(ran.on) && s2n_negotiate(conn.get(), &ran.on) == S2N_SUCCESS;
  }
  handshake.is_negotiating = false;
  // The type decides; `on` means something only when it says blocked (P4).
  ran.is_blocked = !ran.is_done && s2n_error_get_type(s2n_errno) == S2N_ERR_T_BLOCKED;
  if (!ran.is_done && !ran.is_blocked) ran.error = engine_failure(phase::handshake);
  // After s2n's account of its error was read, which this changes.
  take_secrets();
  return ran;
}

// The order of the checks decides which failure is reported when several apply: a version that is too low is reported
// whatever s2n made of it, our own callbacks' failures before s2n's, and an alert that the peer sent before the
// transport broke instead of that. Between is_negotiated and is_established only output is sent.
step connection::impl::negotiate(transport& transport) {
  if (handshake.signature) {
    if (auto error = refused_meanwhile(transport)) return latch(std::move(*error));
  }
  if (auto waiting = resume_signature()) return *waiting;
  if (!handshake.is_negotiated) {
    auto ran = run_negotiation(transport);
    // The peer is gone for writing; it may have said why before it left.
    if (ran.is_blocked && output.error && ran.on == S2N_BLOCKED_ON_READ) ran = run_negotiation(transport);
    if (version_is_too_low()) return version_refused();
    if (!ran.is_done && !ran.is_blocked)
      return latch(errors.of_callback.code ? std::move(errors.of_callback) : std::move(ran.error));
    if (output.error && ran.is_done && !look_for_alert(transport)) return {.next = want::again};
    if (errors.latched.code) return failed_step();
    if (auto fault = fault_of_server(ran.is_done)) return latch(std::move(*fault));
    if (output.error && ran.is_blocked && input.gate.is_spent()) return {.next = want::again};
    if (output.error) return latch(transport_failure(output.error, phase::handshake));
    if (ran.is_blocked && ran.on == S2N_BLOCKED_ON_APPLICATION_INPUT) return {.next = want::application};
    if (ran.is_blocked) return {.next = output.queue.empty() ? want_input() : want::write};
    if (staple_is_missing()) return staple_missed();
    handshake.is_negotiated = true;
  }
  if (output.error) {  // the last flight never left
    if (!look_for_alert(transport)) return {.next = want::again};
    return errors.latched.code ? failed_step() : latch(transport_failure(output.error, phase::handshake));
  }
  if (!output.queue.empty()) return {.next = want::write};
  complete_handshake();
  return {};
}

// As soon as the version is settled: s2n's policy may allow less than the options do.
bool connection::impl::version_is_too_low() const noexcept {
  const auto version = s2n_connection_get_actual_protocol_version(conn.get());
  return version != S2N_UNKNOWN_PROTOCOL_VERSION && version < s2n_version(shared().min_version);
}

step connection::impl::version_refused() {
  const auto least = shared().min_version;
  errors.alert.reset();  // whatever s2n made of it afterwards
  const auto chosen = version_text(s2n_connection_get_actual_protocol_version(conn.get()));
  const std::string allowed(to_string(least));
  return latch(
      in_phase(phase::handshake, make_failure(errc::version_unsupported, target.place,
                                              "the peer chose " + chosen + ", the least allowed is " + allowed,
                                              side == role::client ? "have the server offer " + allowed : "")));
}

// In TLS 1.2 the response comes after the certificate, so this is known only when all has come.
bool connection::impl::staple_is_missing() const noexcept {
  return handshake.promises_staple && shared().asks_for_staple && s2n_connection_is_ocsp_stapled(conn.get()) != 1;
}

step connection::impl::staple_missed() {
  const auto sent = unverified_certificates();
  auto error = make_failure(errc::revocation_unknown, target.place,
                            "the certificate is good only with a stapled OCSP response (RFC 7633), and none "
                            "came",
                            "have the server staple one, or ask for a certificate without that promise");
  if (!sent.empty()) error.certificate = sent.front().subject();
  error.depth = 0;
  error.at = phase::handshake;
  return latch(std::move(error));
}

// Called by s2n, within run_negotiation(). A key of the engine's signs here and now; for another, the request is made
// out and left in handshake.signature, and s2n reports that it is blocked until resume_signature() has applied the
// answer.
int connection::impl::begin_signature(internal::pkey_op_handle op) {
  const auto* id = identity_in_use(conn.get());
  auto type = S2N_ASYNC_SIGN;
  if (id == nullptr || s2n_async_pkey_op_get_op_type(op.get(), &type) != S2N_SUCCESS) return S2N_FAILURE;
  if (id->key == nullptr) {
    auto* key = s2n_cert_chain_and_key_get_private_key(id->handle.get());
    const bool done = s2n_async_pkey_op_perform(op.get(), key) == S2N_SUCCESS &&
                      s2n_async_pkey_op_apply(op.get(), conn.get()) == S2N_SUCCESS;
    return done ? S2N_SUCCESS : S2N_FAILURE;
  }
  if (type != S2N_ASYNC_SIGN) {
    errors.of_callback =
        signing_failure(errc::key_refused, name_of(*id->key),
                        "the peer offers RSA key exchange only, which a key outside the process does not do",
                        "choose a policy with ECDHE, or upgrade the peer");
    return S2N_FAILURE;
  }
  const auto scheme = selected_scheme(conn.get(), side);
  uint32_t size = 0;
  if (!scheme || s2n_async_pkey_op_get_input_size(op.get(), &size) != S2N_SUCCESS) {
    errors.of_callback = signing_failure(errc::key_refused, name_of(*id->key),
                                         "the signature algorithm is not one a key can be asked for");
    return S2N_FAILURE;
  }
  auto pending = std::make_unique<internal::pending_signature>();
  pending->request.scheme = *scheme;
  if (size > pending->request.input.size()) return S2N_FAILURE;
  pending->request.input_size = static_cast<std::uint8_t>(size);
  if (s2n_async_pkey_op_get_input(op.get(), reinterpret_cast<uint8_t*>(pending->request.input.data()), size) !=
      S2N_SUCCESS) {
    return S2N_FAILURE;
  }
  pending->op = std::move(op);
  pending->key = id->key;
  pending->began = clock_type::now();
  ++totals.signatures;
  if (handshake.recorder) handshake.recorder->key_is_asked();
  handshake.signature = std::move(pending);
  return S2N_SUCCESS;
}

// The peer may refuse what it has seen of us before our key has answered, and leave; s2n reads nothing meanwhile.
std::optional<failure> connection::impl::refused_meanwhile(transport& transport) {
  input.ahead.look(transport);
  uint8_t first = 0;
  uint8_t second = 0;
  s2n_connection_get_cipher_iana_value(conn.get(), &first, &second);
  const bool is_tls13 = s2n_connection_get_actual_protocol_version(conn.get()) >= S2N_TLS13;
  const auto reported = input.ahead.find(static_cast<std::uint16_t>(first << 8 | second), is_tls13, secret_of_alerts());
  if (!reported) return std::nullopt;
  return alert_failure(*reported, phase::signing);
}

// Nothing when there is nothing to wait for. The answer is applied here, on the connection's own thread (P20).
std::optional<step> connection::impl::resume_signature() {
  if (!handshake.signature) return std::nullopt;
  auto given = handshake.signature->slot ? handshake.signature->slot->take() : std::nullopt;
  if (!given) return step{.next = want::application};
  const auto done = std::move(handshake.signature);
  totals.signing += clock_type::now() - done->began;
  if (given->error) return latch(std::move(*given->error));
  auto ec = internal::set_output(done->op.get(), given->signature);
  if (!ec && s2n_async_pkey_op_apply(done->op.get(), conn.get()) != S2N_SUCCESS) ec = {s2n_errno, s2n_category()};
  if (!ec) {
    // s2n makes the rest of this message without a word.
    handshake.made_message = name_of(s2n_connection_get_last_message_name(conn.get()));
    return std::nullopt;
  }
  auto error = signing_failure(errc::signature_mismatch, name_of(*done->key),
                               "its " + std::string(to_string(done->request.scheme)) +
                                   " signature does not verify with the certificate's public key",
                               "pair the certificate with the key it was issued for");
  error.engine = internal::s2n_name(ec);
  return latch(std::move(error));
}

void connection::start_application_work(std::chrono::steady_clock::time_point deadline, std::function<void()> ready) {
  auto* pending = impl_ ? impl_->handshake.signature.get() : nullptr;
  if (pending == nullptr) {
    if (ready) ready();
    return;
  }
  if (!pending->slot) {
    try {
      pending->slot = std::make_shared<internal::signature_slot>(pending->key->name(), impl_->ctx.observer());
    } catch (const std::exception& thrown) {
      impl_->latch(signing_failure(errc::key_unavailable, "private key", thrown.what()));
      if (ready) ready();
      return;
    }
    pending->request.deadline = deadline;
    // Copies: a key that answers at once may bring the connection back here before start() returns.
    const auto slot = pending->slot;
    const auto key = pending->key;
    const auto request = pending->request;
    internal::start_signing(*key, request, slot);
    slot->set_ready(std::move(ready));
    return;
  }
  pending->slot->set_ready(std::move(ready));
}

void connection::expire_application_work() {
  if (!impl_) return;
  auto& c = *impl_;
  if (!c.handshake.signature) return;
  const auto waited = clock_type::now() - c.handshake.signature->began;
  c.totals.signing += waited;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
  const auto words = "no answer for " + std::to_string(ms) + " ms";
  c.latch(signing_failure(errc::key_timed_out, name_of(*c.handshake.signature->key), words,
                          "look at the token's load, or allow the handshake more time"));
}

// All checks have passed, and all output has left. What only the handshake needed is freed: both flights, and the
// secrets of alerts. The engine's own state goes with the buffers: wiping the connection would make it anew.
void connection::impl::complete_handshake() {
  auto* c = conn.get();
  info.version = version_text(s2n_connection_get_actual_protocol_version(c));
  info.cipher = text_of(s2n_connection_get_cipher(c));
  const char* text = nullptr;
  if (s2n_connection_get_key_exchange_group(c, &text) == S2N_SUCCESS) info.group = text_of(text);
  if (s2n_connection_get_signature_scheme(c, &text) == S2N_SUCCESS) info.signature = text_of(text);
  if (info.signature == "none") info.signature.clear();
  info.alpn = text_of(s2n_get_application_protocol(c));
  info.server_name = text_of(s2n_get_server_name(c));
  info.policy = ctx.policy().name;
  info.resumed = s2n_connection_is_session_resumed(c) == 1;
  info.post_quantum = info.group.find("MLKEM") != info.group.npos;
  info.client_certificate = s2n_connection_client_cert_used(c) == 1;
  if (!info.resumed && (side == role::server || info.client_certificate)) handshake.shown = identity_in_use(c);
  info.ocsp_stapled = s2n_connection_is_ocsp_stapled(c) == 1;
  note_early_data();
  keep_session();
  remember_chain();
  handshake.flight.forget();
  output.alerts.handshake_is_done();
  input.guard.end();
  handshake.own_flight.forget();
  handshake.is_established = true;
  end_handshake(nullptr);
}

std::optional<identity> connection::selected_identity() const {
  if (!impl_) return std::nullopt;
  for (const auto& one : internal::access::state(impl_->ctx)->identities) {
    if (internal::access::state(one).get() == impl_->handshake.shown) return one;
  }
  return std::nullopt;
}

// Once, of every handshake that has begun: totals.ended and the transcript are set, and the observer is called.
void connection::impl::end_handshake(const failure* error) {
  totals.ended = clock_type::now();
  if (error) note_lost_early_data();
  if (handshake.recorder) {
    handshake.transcript = std::make_unique<const handshake_transcript>(handshake.recorder->view(totals.began));
    handshake.recorder.reset();
  }
  const auto& watch = ctx.observer();
  if (!watch) return;
  const auto counted = statistics();
  watch->on_handshake({.is_server = side == role::server,
                       .info = error ? nullptr : &info,
                       .error = error,
                       .duration = totals.ended - totals.began,
                       .signing = totals.signing,
                       .statistics = &counted});
}

namespace internal {

extern "C" int on_private_key_needed(s2n_connection* connection, s2n_async_pkey_op* op) noexcept {
  pkey_op_handle owned(op);  // ours from here on, whatever is returned (P17)
  auto* c = static_cast<sluice::connection::impl*>(s2n_connection_get_ctx(connection));
  if (c == nullptr) return S2N_FAILURE;
  try {
    return c->begin_signature(std::move(owned));
  } catch (const std::exception& thrown) {
    c->errors.of_callback = signing_failure(errc::key_unavailable, "private key", thrown.what());
  } catch (...) {
    c->errors.of_callback = signing_failure(errc::key_unavailable, "private key", "unknown exception");
  }
  return S2N_FAILURE;
}

}  // namespace internal

}  // namespace v0
}  // namespace sluice
