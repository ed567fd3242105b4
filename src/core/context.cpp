// SPDX-License-Identifier: Apache-2.0
#include "sluice/context.hpp"
#include "sluice/dangerous.hpp"

#include "core/callbacks.hpp"
#include "core/context_state.hpp"
#include "core/error_tables.hpp"
#include "core/identity_state.hpp"
#include "core/narrow.hpp"
#include "core/tickets.hpp"
#include "sluice/library.hpp"

#include <s2n.h>
#include <unstable/allow_ip_in_cn.h>
#include <unstable/crl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace sluice::inline v0 {
namespace {

using internal::make_failure;
using internal::s2n_failure;
using state_type = context::state;

constexpr std::string_view verification_off_warning =
    "sluice: certificate verification is OFF for this context (X.509 validation disabled); outside tests this is a "
    "vulnerability";

// The options that both roles have.
template <class Options>
std::shared_ptr<state_type> common_state(const Options& options, role side) {
  auto made = std::make_shared<state_type>();
  made->side = side;
  made->alpn = options.alpn;
  made->trust = options.trust;
  made->allow = options.allow;
  made->accept = options.accept;
  made->observer = options.observer;
  made->clock = options.clock;
  made->key_log = options.key_log;
  made->keeps_handshake = options.keep_handshake;
  made->least_version = options.versions.min.value_or(tls_version::ssl3);
  return made;
}

result<void> set_policy(state_type& s, std::string_view name, version_range versions) {
  auto chosen = choose_policy(name, versions);
  if (!chosen) return chosen.error();
  s.policy = std::move(*chosen);
  if (s2n_config_set_cipher_preferences(s.config.get(), s.policy.name.c_str()) != S2N_SUCCESS) {
    return s2n_failure(s.policy.name);
  }
  return {};
}

result<void> set_alpn(state_type& s) {
  if (auto valid = internal::check_alpn(s.alpn); !valid) return valid;
  for (const auto& name : s.alpn) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(name.data());
    if (s2n_config_append_protocol_preference(s.config.get(), bytes, static_cast<uint8_t>(name.size())) !=
        S2N_SUCCESS) {
      return s2n_failure("ALPN \"" + name + "\"");
    }
  }
  return {};
}

result<void> set_identities(state_type& s) {
  bool any_external = false;
  for (const auto& one : s.identities) {
    const auto& id = *one.shared_state();
    any_external = any_external || id.key != nullptr;
    if (s2n_config_add_cert_chain_and_key_to_store(s.config.get(), id.handle.get()) != S2N_SUCCESS) {
      return s2n_failure("certificate \"" + one.leaf().subject() + "\"");
    }
  }
  if (!any_external) return {};
  // STRICT: a signature is checked here, with the public key, before it is sent (P21).
  if (s2n_config_set_async_pkey_callback(s.config.get(), internal::on_private_key_needed) != S2N_SUCCESS ||
      s2n_config_set_async_pkey_validation_mode(s.config.get(), S2N_ASYNC_PKEY_VALIDATION_STRICT) != S2N_SUCCESS) {
    return s2n_failure("private key");
  }
  return {};
}

// One odd anchor fails a store that was asked for by name, and is passed over in the system's.
enum class odd_anchors { fail, skip };

result<void> set_trust(state_type& s, odd_anchors odd) {
  std::size_t count = 0;
  for (const auto& anchor : s.trust->anchors()) {
    if (s2n_config_add_pem_to_trust_store(s.config.get(), anchor.to_pem().c_str()) == S2N_SUCCESS) {
      ++count;
    } else if (odd == odd_anchors::fail) {
      return s2n_failure(s.trust->where() + ": \"" + anchor.subject() + "\"");
    }
  }
  if (count == 0) return make_failure(errc::trust_store_empty, s.trust->where());
  // Names are judged in on_chain_validated; s2n's own rule for common names would call some chains untrusted.
  if (s2n_config_set_cert_validation_cb(s.config.get(), internal::on_chain_validated, &s) != S2N_SUCCESS ||
      s2n_config_allow_ip_in_cn(s.config.get()) != S2N_SUCCESS) {
    return s2n_failure("certificate validation");
  }
  return {};
}

// Failing to enable it fails the context, unless s2n says that it cannot be had at all.
result<void> set_ocsp(state_type& s, bool wanted) {
  auto* config = s.config.get();
  if (!wanted) {
    if (s2n_config_set_check_stapled_ocsp_response(config, 0) != S2N_SUCCESS ||
        s2n_config_set_status_request_type(config, S2N_STATUS_REQUEST_NONE) != S2N_SUCCESS) {
      return s2n_failure("OCSP stapling");
    }
    return {};
  }
  if (s2n_config_set_check_stapled_ocsp_response(config, 1) != S2N_SUCCESS) {
    if (s2n_error_get_type(s2n_errno) != S2N_ERR_T_USAGE) return s2n_failure("OCSP stapling");
    if (s.observer) s.observer->on_warning("OCSP stapling is not available in this build of the engine");
    return {};
  }
  if (s2n_config_set_status_request_type(config, S2N_STATUS_REQUEST_OCSP) != S2N_SUCCESS) {
    return s2n_failure("OCSP stapling");
  }
  s.asks_for_staple = true;
  return {};
}

result<void> ask_for_fragments(state_type& s, std::size_t bytes) {
  if (bytes == 0) return {};
  constexpr std::array lengths = {std::pair(512, S2N_TLS_MAX_FRAG_LEN_512), std::pair(1024, S2N_TLS_MAX_FRAG_LEN_1024),
                                  std::pair(2048, S2N_TLS_MAX_FRAG_LEN_2048),
                                  std::pair(4096, S2N_TLS_MAX_FRAG_LEN_4096)};
  for (const auto& [length, code] : lengths) {
    if (!std::cmp_equal(length, bytes)) continue;
    if (s2n_config_send_max_fragment_length(s.config.get(), code) != S2N_SUCCESS) return s2n_failure("max_fragment");
    return {};
  }
  return make_failure(errc::usage, "max_fragment", std::to_string(bytes) + " is no length that can be asked for",
                      "ask for 512, 1024, 2048 or 4096, or for none with 0");
}

void warn_verification_off(const state_type& s) {
  if (s.observer) {
    s.observer->on_warning(verification_off_warning);
    return;
  }
  std::fprintf(stderr, "%.*s\n", static_cast<int>(verification_off_warning.size()), verification_off_warning.data());
}

result<void> set_client_verification(state_type& s, const client_options& options) {
  s.verifies = options.verify.is_on();
  if (!s.verifies) {
    if (s2n_config_disable_x509_verification(s.config.get()) != S2N_SUCCESS) return s2n_failure("verification");
    return {};
  }
  const auto odd = s.trust ? odd_anchors::fail : odd_anchors::skip;
  if (!s.trust) {
    auto found = trust::system();
    if (!found) return found.error();
    s.trust = std::move(*found);
  }
  if (auto done = set_trust(s, odd); !done) return done;
  return set_ocsp(s, options.ocsp);
}

s2n_cert_auth_type to_s2n(client_auth auth) {
  switch (auth) {
    case client_auth::none: return S2N_CERT_AUTH_NONE;
    case client_auth::optional: return S2N_CERT_AUTH_OPTIONAL;
    case client_auth::required: return S2N_CERT_AUTH_REQUIRED;
  }
  return S2N_CERT_AUTH_REQUIRED;
}

result<void> set_client_auth(state_type& s, client_auth auth) {
  s.auth = auth;
  s.verifies = auth != client_auth::none;
  if (!s.verifies) return {};
  if (!s.trust) {
    return make_failure(errc::trust_store_empty, "client authentication", "no trust was given for client certificates",
                        "set server_options.trust to the authority that issues them");
  }
  if (auto done = set_trust(s, odd_anchors::fail); !done) return done;
  // The names of the authorities go into CertificateRequest, to help clients choose; too many of them do not fit.
  s2n_config_set_cert_authorities_from_trust_store(s.config.get());
  if (s2n_config_set_client_auth_type(s.config.get(), to_s2n(auth)) != S2N_SUCCESS) {
    return s2n_failure("client authentication");
  }
  return {};
}

result<void> set_early_data(state_type& s, const server_options& options) {
  s.max_early_data = options.max_early_data;
  if (s.max_early_data == 0) return {};
  if (!options.tickets) {
    return make_failure(errc::usage, "early data", "only clients that resume send any, and there are no tickets",
                        "leave server_options.tickets on");
  }
  if (s2n_config_set_server_max_early_data_size(s.config.get(), s.max_early_data) != S2N_SUCCESS) {
    return s2n_failure("early data");
  }
  return {};
}

result<void> set_clock(state_type& s) {
  if (!s.clock) return {};
  if (s2n_config_set_wall_clock(s.config.get(), internal::on_wall_clock, &s) != S2N_SUCCESS ||
      s2n_config_set_monotonic_clock(s.config.get(), internal::on_monotonic_clock, &s) != S2N_SUCCESS) {
    return s2n_failure("clock");
  }
  return {};
}

result<void> set_io(state_type& s, blinding wanted) {
  auto* config = s.config.get();
  const auto longest = internal::narrow<uint32_t>(wanted.longest().count());
  if (!longest) return make_failure(errc::usage, "blinding", "the longest delay does not fit");
  // NONBLOCKING even without a callback: a later change of config would hang in the default mode (P25).
  // A warning of TLS 1.2, unrecognized_name say, ends nothing (RFC 5246 §7.2.2).
  if (s2n_config_set_client_hello_cb_mode(config, S2N_CLIENT_HELLO_CB_NONBLOCKING) != S2N_SUCCESS ||
      s2n_config_set_alert_behavior(config, S2N_ALERT_IGNORE_WARNINGS) != S2N_SUCCESS ||
      s2n_config_set_max_blinding_delay(config, *longest) != S2N_SUCCESS) {
    return s2n_failure("engine");
  }
  // Always: without s2n's account of its messages nobody sees that it has skipped one (core/connection_io.cpp).
  if (s2n_config_set_timing_checkpoint_cb(config, internal::on_checkpoint) != S2N_SUCCESS) {
    return s2n_failure("engine");
  }
  // Always: a refused chain of TLS 1.3 can be shown to people only with the handshake's secret (core/flight.hpp).
  if (s2n_config_set_key_log_cb(config, internal::on_key_log, &s) != S2N_SUCCESS) return s2n_failure("key log");
  return {};
}

template <class Options>
result<void> set_common(state_type& s, const Options& options) {
  // Minimal: s2n_config_new would load the system's store each time, about a megabyte and some milliseconds.
  s.config.reset(s2n_config_new_minimal());
  if (!s.config) return s2n_failure("engine");
  if (auto done = set_policy(s, options.policy, options.versions); !done) return done;
  if (auto done = set_alpn(s); !done) return done;
  if (auto done = set_io(s, options.blinding); !done) return done;
  if (auto done = set_clock(s); !done) return done;
  return set_identities(s);
}

}  // namespace

namespace internal {

result<void> check_alpn(std::span<const std::string> names) {
  std::size_t wire = 0;
  for (const auto& name : names) {
    if (name.empty() || name.size() > 255) {
      return make_failure(errc::bad_alpn, "ALPN", "a name has " + std::to_string(name.size()) + " bytes, not 1 to 255");
    }
    // s2n hands agreed names around as C strings.
    if (name.find('\0') != name.npos) return make_failure(errc::bad_alpn, "ALPN", "a name has a NUL byte in it");
    wire += name.size() + 1;
  }
  if (wire > 65535 - 2) {
    return make_failure(errc::bad_alpn, "ALPN", "the list takes " + std::to_string(wire) + " bytes, more than 65533");
  }
  return {};
}

}  // namespace internal

result<std::vector<std::string>> parse_alpn(std::string_view text) {
  std::vector<std::string> names;
  while (true) {
    const auto end = std::min(text.find_first_of(";,"), text.size());
    names.emplace_back(text.substr(0, end));
    if (names.size() > 4) {
      return make_failure(errc::bad_alpn, "ALPN", "more than four names in one text",
                          "pass a list to offer more than four");
    }
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  if (auto valid = internal::check_alpn(names); !valid) return valid.error();
  return names;
}

// The state comes first: while it exists, library::stop() in another thread is refused.
result<context> context::client(const client_options& options) {
  auto made = common_state(options, role::client);
  if (auto started = library::start(); !started) return started.error();
  if (options.identity) made->identities.push_back(*options.identity);
  if (auto done = set_common(*made, options); !done) return done.error();
  if (auto done = set_client_verification(*made, options); !done) return done.error();
  if (auto done = ask_for_fragments(*made, options.max_fragment); !done) return done.error();
  made->sessions = options.sessions;
  if (made->sessions) {
    if (auto done = internal::keep_tickets(made->config.get(), *made); !done) return done.error();
  }
  if (!made->verifies) warn_verification_off(*made);
  return context(std::move(made));
}

result<context> context::server(const server_options& options) {
  auto made = common_state(options, role::server);
  if (auto started = library::start(); !started) return started.error();
  if (options.identities.empty()) {
    return make_failure(errc::no_certificate, "server", "no identity was given", "set server_options.identities");
  }
  made->identities = options.identities;
  if (auto done = set_common(*made, options); !done) return done.error();
  if (auto done = set_client_auth(*made, options.client_auth); !done) return done.error();
  if (options.grants_max_fragment && s2n_config_accept_max_fragment_length(made->config.get()) != S2N_SUCCESS) {
    return s2n_failure("grants_max_fragment");
  }
  if (options.tickets) {
    const auto now = made->clock ? made->clock->now() : std::chrono::system_clock::now();
    if (auto done = internal::enable_tickets(made->config.get(), *options.tickets, now); !done) return done.error();
  }
  if (auto done = set_early_data(*made, options); !done) return done.error();
  return context(std::move(made));
}

role context::side() const noexcept { return state_->side; }
const sluice::policy& context::policy() const noexcept { return state_->policy; }
const std::vector<std::string>& context::alpn() const noexcept { return state_->alpn; }
bool context::verifies() const noexcept { return state_->verifies; }
const std::shared_ptr<sluice::observer>& context::observer() const noexcept { return state_->observer; }

}  // namespace sluice::inline v0

namespace sluice::inline v0::dangerous {

verification accept_any_certificate() noexcept { return verification(false); }

}  // namespace sluice::inline v0::dangerous
