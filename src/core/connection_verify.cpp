// SPDX-License-Identifier: Apache-2.0
// Our own say about a peer's chain, once s2n and AWS-LC have accepted it: the name, by type, and the application's.
#include "core/callbacks.hpp"
#include "core/certificate_parts.hpp"
#include "core/connection_impl.hpp"
#include "core/error_tables.hpp"

namespace sluice::inline v0 {
namespace {

std::string list_names(const certificate& leaf) {
  std::string text;
  for (const auto& name : leaf.names()) {
    if (text.size() > 200) return text + ", …";
    if (!name.value.empty()) text += (text.empty() ? "" : ", ") + name.value;
  }
  return text;
}

std::vector<certificate> chain_of(s2n_connection* conn, std::size_t most) {
  std::vector<certificate> chain;
  const internal::chain_handle copy(s2n_cert_chain_and_key_new());
  uint32_t count = 0;
  if (!copy || s2n_connection_get_peer_cert_chain(conn, copy.get()) != S2N_SUCCESS ||
      s2n_cert_chain_get_length(copy.get(), &count) != S2N_SUCCESS) {
    return chain;
  }
  for (uint32_t i = 0; i < count && chain.size() < most; ++i) {
    s2n_cert* one = nullptr;
    const uint8_t* der = nullptr;
    uint32_t size = 0;
    if (s2n_cert_chain_get_cert(copy.get(), &one, i) != S2N_SUCCESS || s2n_cert_get_der(one, &der, &size) != S2N_SUCCESS) break;
    auto parsed = certificate::from_der({reinterpret_cast<const std::byte*>(der), size});
    if (!parsed) break;
    chain.push_back(std::move(*parsed));
  }
  return chain;
}

}  // namespace

result<void> connection::impl::check_name(const certificate& leaf) const {
  const bool fits = is_ip ? leaf.matches_ip(server_name) : leaf.matches_host(server_name);
  if (fits) return {};
  const auto names = list_names(leaf);
  auto story = internal::make_failure(errc::name_mismatch, place,
                                      names.empty() ? "it names no host (no subjectAltName)" : "it is for " + names,
                                      "connect by a name it carries, or have it issued for this one");
  story.certificate = leaf.subject();
  story.depth = 0;
  story.at = phase::handshake;
  return story;
}

bool connection::impl::accepts_chain() {
  const auto& shared = *ctx.shared_state();
  const auto chain = chain_of(conn.get(), shared.accept ? SIZE_MAX : 1);
  if (chain.empty()) {
    refusal = internal::make_failure(errc::internal, place, "the verified chain cannot be read");
    return false;
  }
  if (side == role::client) {
    if (auto named = check_name(chain.front()); !named) {
      refusal = named.error();
      return false;
    }
  }
  if (shared.accept && !shared.accept(chain)) {
    refusal = internal::make_failure(errc::rejected, place, "the certificate is \"" + chain.front().subject() + "\"");
    refusal.certificate = chain.front().subject();
    refusal.depth = 0;
    refusal.at = phase::handshake;
    return false;
  }
  return true;
}

std::vector<certificate> connection::peer_certificates() const {
  if (!impl_->ctx.verifies() || !impl_->conn) return {};
  return chain_of(impl_->conn.get(), SIZE_MAX);
}

std::vector<certificate> connection::sent_certificates() const { return impl_->sent_certificates(); }

std::vector<certificate> connection::impl::sent_certificates() const {
  if (!conn) return {};
  if (side == role::client) return flight.certificates();
  internal::hello settled;
  uint8_t first = 0;
  uint8_t second = 0;
  if (s2n_connection_get_cipher_iana_value(conn.get(), &first, &second) != S2N_SUCCESS) return {};
  settled.cipher = static_cast<std::uint16_t>(first << 8 | second);
  settled.version = s2n_connection_get_actual_protocol_version(conn.get()) == S2N_TLS13 ? 0x0304 : 0x0303;
  return flight.certificates(settled);
}

namespace internal {

// s2n asks with each name as text, untyped; the typed check follows in on_chain_validated.
extern "C" uint8_t on_verify_host(const char*, size_t, void*) noexcept { return 1; }

extern "C" int on_chain_validated(s2n_connection* connection, s2n_cert_validation_info* info, void*) noexcept {
  auto* c = static_cast<sluice::connection::impl*>(s2n_connection_get_ctx(connection));
  bool accepted = false;
  try {
    accepted = c != nullptr && c->accepts_chain();
  } catch (const std::exception& thrown) {
    c->refusal = make_failure(errc::rejected, c->place, thrown.what());
  } catch (...) {
    c->refusal = make_failure(errc::rejected, c->place, "the application's check threw");
  }
  return accepted ? s2n_cert_validation_accept(info) : s2n_cert_validation_reject(info);
}

extern "C" int on_wall_clock(void* ctx, uint64_t* nanoseconds) noexcept {
  const auto now = static_cast<context::state*>(ctx)->clock->now().time_since_epoch();
  *nanoseconds = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  return S2N_SUCCESS;
}

extern "C" int on_monotonic_clock(void* ctx, uint64_t* nanoseconds) noexcept {
  const auto now = static_cast<context::state*>(ctx)->clock->steady().time_since_epoch();
  *nanoseconds = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  return S2N_SUCCESS;
}

extern "C" int on_key_log(void* ctx, s2n_connection* connection, uint8_t* line, size_t size) noexcept {
  try {
    const std::string_view text(reinterpret_cast<const char*>(line), size);
    const auto& state = *static_cast<context::state*>(ctx);
    auto* c = static_cast<sluice::connection::impl*>(s2n_connection_get_ctx(connection));
    if (c != nullptr && c->watches_flight()) {
      c->flight.saw_secret(text, c->side == role::client ? "SERVER_HANDSHAKE_TRAFFIC_SECRET" : "CLIENT_HANDSHAKE_TRAFFIC_SECRET");
    }
    if (state.key_log) state.key_log(text);
    return S2N_SUCCESS;
  } catch (...) {
    return S2N_FAILURE;
  }
}

}  // namespace internal

}  // namespace sluice::inline v0
