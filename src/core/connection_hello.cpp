// SPDX-License-Identifier: Apache-2.0
// What must be refused in a peer's hello, and s2n takes.
#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/callbacks.hpp"
#include "core/connection_impl.hpp"
#include "core/engine_internals.hpp"
#include "core/engine_versions.hpp"
#include "core/wire/hello_rules.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace {

std::string joined(std::span<const std::string> names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::uint8_t> extensions_of(s2n_client_hello* hello) {
  const auto size = s2n_client_hello_get_extensions_length(hello);
  std::vector<std::uint8_t> block(size > 0 ? static_cast<std::size_t>(size) : 0);
  const auto got = s2n_client_hello_get_extensions(hello, block.data(), static_cast<std::uint32_t>(block.size()));
  block.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return block;
}

failure in_handshake(failure error) { return internal::in_phase(phase::handshake, std::move(error)); }

}  // namespace

bool connection::impl::judge_extensions(const internal::client_extensions& theirs) {
  if (!theirs.fault) return true;
  errors.alert = theirs.fault->alert;
  errors.of_callback = in_handshake(make_failure(errc::protocol_error, target.place, theirs.fault->detail));
  return false;
}

// Before we answer: s2n shows us the first ClientHello alone, not the one behind a HelloRetryRequest.
bool connection::impl::judge_last_hello() {
  auto* hello = s2n_connection_get_client_hello(conn.get());
  return hello == nullptr || judge_extensions(internal::read_client_extensions(extensions_of(hello)));
}

bool connection::impl::judge_client_hello() {
  auto* hello = s2n_connection_get_client_hello(conn.get());
  if (hello == nullptr) return true;
  const auto theirs = internal::read_client_extensions(extensions_of(hello));
  if (!judge_extensions(theirs)) return false;
  const bool shares_one = std::ranges::any_of(
      target.alpn, [&](const std::string& name) { return std::ranges::find(theirs.alpn, name) != theirs.alpn.end(); });
  if (!target.alpn.empty() && !theirs.alpn.empty() && !shares_one && !shared().alpn_is_optional) {
    errors.of_callback = in_handshake(
        make_failure(errc::alpn_mismatch, target.place,
                     "the client offers " + joined(theirs.alpn) + ", we serve " + joined(target.alpn), ""));
    return false;
  }
  std::uint8_t version = 0;
  if (!theirs.lists_versions && shared().policy.post_quantum &&
      s2n_client_hello_get_legacy_protocol_version(hello, &version) == S2N_SUCCESS && version >= S2N_SSLv3) {
    const auto settled = std::min<std::uint8_t>(version, S2N_TLS12);
    if (settled >= internal::s2n_version(shared().policy.min)) internal::settle_client_version(conn.get(), settled);
  }
  return true;
}

// The hello as soon as it is here, the whole flight before the handshake counts as done.
std::optional<failure> connection::impl::fault_of_server(bool is_done) {
  if (side == role::server || (!is_done && (handshake.has_judged_hello || handshake.flight.size() == 0)))
    return std::nullopt;
  const auto theirs = handshake.flight.messages();
  handshake.has_judged_hello = theirs.settled.has_value();
  if (const auto fault = internal::breach_of_server(handshake.own_flight.messages(), theirs, is_done)) {
    errors.alert = fault->alert;
    return in_handshake(make_failure(errc::protocol_error, target.place, fault->detail, fault->remedy));
  }
  const bool needs_alpn = is_done && shared().require_alpn;
  if (!needs_alpn || s2n_get_application_protocol(conn.get()) != nullptr) return std::nullopt;
  return in_handshake(
      make_failure(errc::alpn_mismatch, target.place,
                   target.alpn.empty() ? "we offer none" : "the server chose none of " + joined(target.alpn),
                   target.alpn.empty() ? "set client_options.alpn" : "see which protocols that port serves"));
}

namespace internal {

extern "C" int on_client_hello(s2n_connection* connection, void*) noexcept {
  try {
    auto* c = static_cast<sluice::connection::impl*>(s2n_connection_get_ctx(connection));
    if (c == nullptr || !c->judge_client_hello()) return S2N_FAILURE;
    return s2n_client_hello_cb_done(connection);
  } catch (...) {
    return S2N_FAILURE;
  }
}

}  // namespace internal

}  // namespace v0
}  // namespace sluice
