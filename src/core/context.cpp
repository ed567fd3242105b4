// SPDX-License-Identifier: Apache-2.0
#include "sluice/context.hpp"
#include "sluice/dangerous.hpp"

#include "core/base/error_tables.hpp"
#include "core/context_state.hpp"
#include "core/kept_session.hpp"
#include "sluice/library.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace {

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
  made->max_chain = options.max_chain;
  made->observer = options.observer;
  made->clock = options.clock;
  made->key_log = options.key_log;
  made->keeps_handshake = options.record_transcript;
  made->blinding = options.blinding;
  made->min_version = options.versions.min.value_or(tls_version::ssl3);
  return made;
}

// An identity that was moved from has nothing to show.
result<void> check_identities(const state_type& s) {
  for (const auto& one : s.identities) {
    if (!internal::access::state(one))
      return make_failure(errc::invalid_argument, "identity", "it is empty: it was moved from");
  }
  return {};
}

result<void> set_common(state_type& s, std::string_view policy, version_range versions) {
  auto chosen = choose_policy(policy, versions);
  if (!chosen) return chosen.error();
  s.policy = std::move(*chosen);
  if (auto valid = internal::check_alpn(s.alpn); !valid) return valid;
  return check_identities(s);
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
  s.wants_staple = options.ocsp && s.verifies;
  if (!s.verifies || s.trust) return {};
  auto found = trust::system();
  if (!found) return found.error();
  s.trust = std::move(*found);
  s.skips_odd_anchors = true;
  return {};
}

result<void> set_client_auth(state_type& s, client_auth auth) {
  s.auth = auth;
  s.verifies = auth != client_auth::none;
  if (!s.verifies || s.trust) return {};
  return make_failure(errc::trust_store_empty, "client authentication", "no trust was given for client certificates",
                      "set server_options.trust to the authority that issues them");
}

result<void> set_tickets(state_type& s, const server_options& options) {
  s.max_early_data = options.max_early_data;
  if (options.tickets) {
    auto schedule = internal::ticket_schedule::make(*options.tickets);
    if (!schedule) return schedule.error();
    s.tickets.emplace(std::move(*schedule));
  } else if (s.max_early_data > 0) {
    return make_failure(errc::invalid_argument, "early data",
                        "only clients that resume send any, and there are no tickets",
                        "leave server_options.tickets on");
  }
  return {};
}

}  // namespace

namespace internal {

result<void> check_alpn(alpn_view names) {
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

result<alpn_list> parse_alpn(std::string_view text) {
  alpn_list names;
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

// The state comes first: while it exists, tls_library::stop() in another thread is refused.
result<context> context::client(const client_options& options) {
  auto made = common_state(options, role::client);
  if (auto started = tls_library::start(); !started) return started.error();
  if (options.identity) made->identities.push_back(*options.identity);
  if (auto done = set_common(*made, options.policy, options.versions); !done) return done.error();
  if (auto done = set_client_verification(*made, options); !done) return done.error();
  made->max_fragment = options.max_fragment;
  made->require_alpn = options.require_alpn;
  made->has_namesakes = made->verifies && internal::has_namesakes(*made->trust);
  made->sessions = options.sessions;
  if (auto done = made->engine.start(*made); !done) return done.error();
  if (made->sessions && !internal::describe_verdict(*made, made->verdict)) {
    return make_failure(errc::internal, "sessions", "no random number can be had");
  }
  if (!made->verifies) warn_verification_off(*made);
  return context(std::move(made));
}

result<context> context::server(const server_options& options) {
  auto made = common_state(options, role::server);
  if (auto started = tls_library::start(); !started) return started.error();
  if (options.identities.empty()) {
    return make_failure(errc::no_certificate, "server", "no identity was given", "set server_options.identities");
  }
  made->identities = options.identities;
  if (auto done = set_common(*made, options.policy, options.versions); !done) return done.error();
  if (auto done = set_client_auth(*made, options.client_auth); !done) return done.error();
  made->grants_max_fragment = options.grants_max_fragment;
  made->alpn_is_optional = options.alpn_is_optional;
  made->has_namesakes = made->verifies && internal::has_namesakes(*made->trust);
  if (auto done = set_tickets(*made, options); !done) return done.error();
  if (auto done = made->engine.start(*made); !done) return done.error();
  return context(std::move(made));
}

// Of an empty one: what a client's context says that has nothing.
role context::side() const noexcept { return state_ ? state_->side : role::client; }
const sluice::policy& context::policy() const noexcept {
  static const sluice::policy none;
  return state_ ? state_->policy : none;
}
const alpn_list& context::alpn() const noexcept {
  static const std::vector<std::string> none;
  return state_ ? state_->alpn : none;
}
bool context::verifies() const noexcept { return !state_ || state_->verifies; }
const std::shared_ptr<sluice::observer>& context::observer() const noexcept {
  static const std::shared_ptr<sluice::observer> none;
  return state_ ? state_->observer : none;
}

}  // namespace v0
}  // namespace sluice

namespace sluice {
inline namespace v0 {
namespace internal {

struct unverified {
  static verification make() noexcept { return verification(false); }
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice

namespace sluice {
inline namespace v0 {
namespace dangerous {

verification accept_any_certificate() noexcept { return internal::unverified::make(); }

}  // namespace dangerous
}  // namespace v0
}  // namespace sluice
