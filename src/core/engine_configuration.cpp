// SPDX-License-Identifier: Apache-2.0
#include "core/engine_configuration.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/base/narrow.hpp"
#include "core/callbacks.hpp"
#include "core/context_state.hpp"
#include "core/identity_state.hpp"
#include "core/x509/certificate_words.hpp"

#include <s2n.h>
#include <unstable/allow_ip_in_cn.h>
#include <unstable/crl.h>

#include <array>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using state_type = context::state;

// s2n hands it back to our callbacks, which read it.
void* context_of(const state_type& s) noexcept { return const_cast<state_type*>(&s); }

result<void> set_policy(s2n_config* config, const state_type& s) {
  if (s2n_config_set_cipher_preferences(config, s.policy.name.c_str()) != S2N_SUCCESS) {
    return s2n_failure(s.policy.name);
  }
  return {};
}

result<void> set_alpn(s2n_config* config, const state_type& s) {
  for (const auto& name : s.alpn) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(name.data());
    if (s2n_config_append_protocol_preference(config, bytes, static_cast<uint8_t>(name.size())) != S2N_SUCCESS) {
      return s2n_failure("ALPN \"" + name + "\"");
    }
  }
  return {};
}

result<void> set_identities(s2n_config* config, const state_type& s) {
  bool any_external = false;
  for (const auto& one : s.identities) {
    const auto& id = *internal::access::state(one);
    any_external = any_external || id.key != nullptr;
    if (s2n_config_add_cert_chain_and_key_to_store(config, id.handle.get()) != S2N_SUCCESS) {
      return s2n_failure("certificate \"" + one.leaf().subject() + "\"");
    }
  }
  if (!any_external) return {};
  // STRICT: a signature is checked here, with the public key, before it is sent (P21).
  if (s2n_config_set_async_pkey_callback(config, on_private_key_needed) != S2N_SUCCESS ||
      s2n_config_set_async_pkey_validation_mode(config, S2N_ASYNC_PKEY_VALIDATION_STRICT) != S2N_SUCCESS) {
    return s2n_failure("private key");
  }
  return {};
}

// One odd anchor fails a store that was asked for by name, and is passed over in the system's.
result<void> add_anchors(s2n_config* config, const state_type& s) {
  std::size_t count = 0;
  for (const auto& anchor : s.trust->anchors()) {
    const auto error = s.skips_odd_anchors ? std::string() : malformation_of(anchor);
    if (!error.empty())
      return with_usual_remedy(
          make_failure(errc::certificate_malformed, s.trust->where() + ": \"" + anchor.subject() + "\"", error));
    if (s2n_config_add_pem_to_trust_store(config, anchor.to_pem().c_str()) == S2N_SUCCESS) {
      ++count;
    } else if (!s.skips_odd_anchors) {
      return s2n_failure(s.trust->where() + ": \"" + anchor.subject() + "\"");
    }
  }
  if (count == 0) return make_failure(errc::trust_store_empty, s.trust->where());
  return {};
}

result<void> set_verification(s2n_config* config, const state_type& s) {
  if (s.max_chain == 0) return make_failure(errc::invalid_argument, "max_chain", "0 allows no certificate at all");
  if (s2n_config_set_max_cert_chain_depth(config, s.max_chain) != S2N_SUCCESS) return s2n_failure("max_chain");
  // Names are judged in on_chain_validated; s2n's own rule for common names would call some chains untrusted.
  if (s2n_config_set_cert_validation_cb(config, on_chain_validated, context_of(s)) != S2N_SUCCESS ||
      s2n_config_allow_ip_in_cn(config) != S2N_SUCCESS) {
    return s2n_failure("certificate validation");
  }
  return {};
}

result<void> set_trust(s2n_config* config, const state_type& s, anchors when) {
  if (s.trust->anchors().empty()) return make_failure(errc::trust_store_empty, s.trust->where());
  if (when == anchors::now) {
    if (auto done = add_anchors(config, s); !done) return done;
  }
  return set_verification(config, s);
}

// Failing to enable it fails the context, unless s2n says that it cannot be had at all.
result<bool> set_ocsp(s2n_config* config, const state_type& s) {
  if (!s.wants_staple) {
    if (s2n_config_set_check_stapled_ocsp_response(config, 0) != S2N_SUCCESS ||
        s2n_config_set_status_request_type(config, S2N_STATUS_REQUEST_NONE) != S2N_SUCCESS) {
      return s2n_failure("OCSP stapling");
    }
    return false;
  }
  if (s2n_config_set_check_stapled_ocsp_response(config, 1) != S2N_SUCCESS) {
    if (s2n_error_get_type(s2n_errno) != S2N_ERR_T_USAGE) return s2n_failure("OCSP stapling");
    if (s.observer) s.observer->on_warning("OCSP stapling is not available in this build of the engine");
    return false;
  }
  if (s2n_config_set_status_request_type(config, S2N_STATUS_REQUEST_OCSP) != S2N_SUCCESS) {
    return s2n_failure("OCSP stapling");
  }
  return true;
}

result<void> ask_for_fragments(s2n_config* config, const state_type& s) {
  if (s.max_fragment == 0) return {};
  constexpr std::array lengths = {std::pair(512, S2N_TLS_MAX_FRAG_LEN_512), std::pair(1024, S2N_TLS_MAX_FRAG_LEN_1024),
                                  std::pair(2048, S2N_TLS_MAX_FRAG_LEN_2048),
                                  std::pair(4096, S2N_TLS_MAX_FRAG_LEN_4096)};
  for (const auto& [length, code] : lengths) {
    if (!std::cmp_equal(length, s.max_fragment)) continue;
    if (s2n_config_send_max_fragment_length(config, code) != S2N_SUCCESS) return s2n_failure("max_fragment");
    return {};
  }
  return make_failure(errc::invalid_argument, "max_fragment",
                      std::to_string(s.max_fragment) + " is no length that can be asked for",
                      "ask for 512, 1024, 2048 or 4096, or for none with 0");
}

s2n_cert_auth_type to_s2n(client_auth auth) {
  switch (auth) {
    case client_auth::none: return S2N_CERT_AUTH_NONE;
    case client_auth::optional: return S2N_CERT_AUTH_OPTIONAL;
    case client_auth::required: return S2N_CERT_AUTH_REQUIRED;
  }
  return S2N_CERT_AUTH_REQUIRED;
}

result<void> set_clock(s2n_config* config, const state_type& s) {
  if (!s.clock) return {};
  if (s2n_config_set_wall_clock(config, on_wall_clock, context_of(s)) != S2N_SUCCESS ||
      s2n_config_set_monotonic_clock(config, on_monotonic_clock, context_of(s)) != S2N_SUCCESS) {
    return s2n_failure("clock");
  }
  return {};
}

result<void> set_io(s2n_config* config, const state_type& s) {
  const auto longest = narrow<uint32_t>(s.blinding.longest().count());
  if (!longest) return make_failure(errc::invalid_argument, "blinding", "the longest delay does not fit");
  // NONBLOCKING even without a callback: a later change of config would hang in the default mode (P25).
  // A warning of TLS 1.2, unrecognized_name say, ends nothing (RFC 5246 §7.2.2).
  if (s2n_config_set_client_hello_cb_mode(config, S2N_CLIENT_HELLO_CB_NONBLOCKING) != S2N_SUCCESS ||
      s2n_config_set_alert_behavior(config, S2N_ALERT_IGNORE_WARNINGS) != S2N_SUCCESS ||
      s2n_config_set_max_blinding_delay(config, *longest) != S2N_SUCCESS) {
    return s2n_failure("engine");
  }
  // Always: without s2n's account of its messages nobody sees that it has skipped one (core/connection_io.cpp).
  if (s2n_config_set_timing_checkpoint_cb(config, on_checkpoint) != S2N_SUCCESS) return s2n_failure("engine");
  if (s.side == role::server && s2n_config_set_client_hello_cb(config, on_client_hello, nullptr) != S2N_SUCCESS) {
    return s2n_failure("engine");
  }
  // Only where it is wanted: it costs a text for each secret (core/connection_secrets.cpp takes them as bytes).
  if (s.key_log && s2n_config_set_key_log_cb(config, on_key_log, context_of(s)) != S2N_SUCCESS)
    return s2n_failure("key log");
  return {};
}

// Returns whether a staple is asked for.
result<bool> set_client(s2n_config* config, const state_type& s, anchors when) {
  bool asks_for_staple = false;
  if (!s.verifies) {
    if (s2n_config_disable_x509_verification(config) != S2N_SUCCESS) return s2n_failure("verification");
  } else {
    if (auto done = set_trust(config, s, when); !done) return done.error();
    auto asks = set_ocsp(config, s);
    if (!asks) return asks;
    asks_for_staple = *asks;
  }
  if (auto done = ask_for_fragments(config, s); !done) return done.error();
  if (s.sessions && (s2n_config_set_session_tickets_onoff(config, 1) != S2N_SUCCESS ||
                     s2n_config_set_session_ticket_cb(config, on_session_ticket, nullptr) != S2N_SUCCESS)) {
    return s2n_failure("sessions");
  }
  return asks_for_staple;
}

result<void> set_server(s2n_config* config, const state_type& s) {
  if (s.verifies) {
    if (auto done = set_trust(config, s, anchors::now); !done) return done;
    // The names of the authorities go into CertificateRequest, to help clients choose; too many of them do not fit.
    s2n_config_set_cert_authorities_from_trust_store(config);
    if (s2n_config_set_client_auth_type(config, to_s2n(s.auth)) != S2N_SUCCESS) {
      return s2n_failure("client authentication");
    }
  }
  if (s.grants_max_fragment && s2n_config_accept_max_fragment_length(config) != S2N_SUCCESS) {
    return s2n_failure("grants_max_fragment");
  }
  if (s.max_early_data > 0 && s2n_config_set_server_max_early_data_size(config, s.max_early_data) != S2N_SUCCESS) {
    return s2n_failure("early data");
  }
  return {};
}

}  // namespace

result<made_configuration> make_configuration(const context::state& of, anchors when) {
  // Minimal: s2n_config_new would load the system's store each time, about a megabyte and some milliseconds.
  config_handle made(s2n_config_new_minimal());
  if (!made) return s2n_failure("engine");
  for (auto* set : {set_policy, set_alpn, set_io, set_clock, set_identities}) {
    if (auto done = set(made.get(), of); !done) return done.error();
  }
  bool asks_for_staple = false;
  if (of.side == role::client) {
    auto asks = set_client(made.get(), of, when);
    if (!asks) return asks.error();
    asks_for_staple = *asks;
  } else if (auto done = set_server(made.get(), of); !done) {
    return done.error();
  }
  auto engine = std::make_shared<engine_setup>();
  engine->config = std::move(made);
  return made_configuration{std::move(engine), asks_for_staple};
}

result<void> engine_source::start(context::state& of) {
  // Nothing can be wrong with the system's but that it is empty: those that s2n does not take are passed over.
  is_late_ = of.skips_odd_anchors && !of.has_namesakes;
  auto made = make_configuration(of, is_late_ ? anchors::later : anchors::now);
  if (!made) return made.error();
  of.asks_for_staple = made->asks_for_staple;
  if (of.tickets) {
    auto keys = of.tickets->install(made->engine->config.get(), of.now());
    if (!keys) return keys.error();
    keys_ = *keys;
  }
  current_ = std::move(made->engine);
  return {};
}

engine_configuration engine_source::current(const context::state& of) const {
  if (is_late_) std::call_once(first_use_, [&] { (void)add_anchors(current_->config.get(), of); });
  if (!of.tickets) return current_;
  const auto now = of.now();
  std::optional<failure> error;
  engine_configuration given;
  {
    const std::lock_guard lock(gate_);
    given = of.tickets->covers(keys_, now) || now < next_try_ ? current_ : replace(of, now, error);
  }
  if (error && of.observer) {
    of.observer->on_warning("the next ticket keys cannot be made, clients will not resume: " + error->message());
  }
  return given;
}

// Under the lock: of the connections that begin now, one makes it and the others wait for it.
engine_configuration engine_source::replace(const context::state& of, time_point now,
                                            std::optional<failure>& reason) const try {
  const auto fail = [&](const failure& error) {
    reason = error;
    next_try_ = now + std::chrono::minutes(1);
    return current_;
  };
  auto made = make_configuration(of);
  if (!made) return fail(made.error());
  const auto keys = of.tickets->install(made->engine->config.get(), now);
  if (!keys) return fail(keys.error());
  keys_ = *keys;
  current_ = std::move(made->engine);
  return current_;
} catch (const std::bad_alloc&) {
  next_try_ = now + std::chrono::minutes(1);
  return current_;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
