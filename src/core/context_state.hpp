// SPDX-License-Identifier: Apache-2.0
// What a context holds, for the core's own use.
#pragma once

#include "core/handles.hpp"
#include "core/library_state.hpp"
#include "sluice/context.hpp"

namespace sluice::inline v0 {

struct context::state {
  internal::library_user user;
  role side = role::client;
  sluice::policy policy;
  tls_version least_version = tls_version::ssl3;  // enforced by the connection when above the policy's own
  std::vector<std::string> alpn;
  std::vector<identity> identities;  // before `config`, which points into them and is freed first
  std::optional<sluice::trust> trust;
  bool verifies = true;
  bool asks_for_staple = false;
  client_auth auth = client_auth::none;
  allowances allow;
  peer_check accept;
  std::shared_ptr<session_store> sessions;
  std::uint32_t max_early_data = 0;
  std::shared_ptr<sluice::observer> observer;
  std::shared_ptr<const sluice::clock> clock;
  sluice::key_log key_log;
  bool keeps_handshake = false;
  internal::config_handle config;
};

namespace internal {

// RFC 7301 §3.1: each name 1 to 255 bytes, the whole list within its 16-bit length.
result<void> check_alpn(std::span<const std::string> names);

}  // namespace internal

}  // namespace sluice::inline v0
