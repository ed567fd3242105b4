// SPDX-License-Identifier: Apache-2.0
// What a context holds, for the core's own use.
#pragma once

#include "core/access.hpp"
#include "core/chain_memory.hpp"
#include "core/engine_configuration.hpp"
#include "core/library_state.hpp"
#include "core/ticket_schedule.hpp"
#include "sluice/context.hpp"

#include <array>
#include <optional>

namespace sluice {
inline namespace v0 {

namespace internal {

// Anchors that share a name and not a key, as those of an authority that was keyed anew.
bool has_namesakes(const trust& store);

}  // namespace internal

struct context::state {
  internal::library_user user;
  role side = role::client;
  sluice::policy policy;
  tls_version min_version = tls_version::ssl3;  // enforced by the connection when above the policy's own
  alpn_list alpn;
  bool require_alpn = false;         // client
  bool alpn_is_optional = false;     // server
  std::vector<identity> identities;  // before `engine`, which points into them and is freed first
  std::optional<sluice::trust> trust;
  bool has_namesakes = false;      // some share a name and not a key
  bool skips_odd_anchors = false;  // it is the system's
  bool verifies = true;
  bool wants_staple = false;
  bool asks_for_staple = false;  // and the engine can
  client_auth auth = client_auth::none;
  allowances allow;
  peer_check accept;
  std::uint16_t max_chain = 0;
  std::shared_ptr<session_store> sessions;
  std::array<std::byte, 32> verdict{};  // with `sessions`: a digest of what makes the verdict (core/kept_session.hpp)
  std::optional<internal::ticket_schedule> tickets;  // server
  std::uint32_t max_early_data = 0;
  std::size_t max_fragment = 0;      // client
  bool grants_max_fragment = false;  // server
  sluice::blinding blinding = sluice::blinding::standard();
  std::shared_ptr<sluice::observer> observer;
  std::shared_ptr<const sluice::clock> clock;
  sluice::key_log key_log;
  bool keeps_handshake = false;
  internal::engine_source engine;
  mutable internal::chain_memory chains;

  std::chrono::system_clock::time_point now() const noexcept {
    return clock ? clock->now() : std::chrono::system_clock::now();
  }
};

namespace internal {

// RFC 7301 §3.1: each name 1 to 255 bytes, the whole list within its 16-bit length.
result<void> check_alpn(alpn_view names);

}  // namespace internal

}  // namespace v0
}  // namespace sluice
