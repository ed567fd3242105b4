// SPDX-License-Identifier: Apache-2.0
// A client's session as it waits in a store: the engine's bytes, and what limits their use.
#pragma once

#include "core/context_state.hpp"
#include "sluice/secret.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

using digest = std::array<std::byte, 32>;

// For a session whose server does not say how long it is good. One it finds too old costs a full handshake, no more.
inline constexpr auto unknown_lifetime = std::chrono::hours(1);
// From the full handshake on, whatever is resumed and renewed meanwhile (RFC 5246 §F.1.4, RFC 8446 §4.6.1).
inline constexpr auto longest_tls12_session = std::chrono::hours(24);
inline constexpr auto longest_tls13_session = std::chrono::hours(24 * 7);

inline constexpr std::chrono::sys_seconds far_off{std::chrono::seconds(std::int64_t{1} << 40)};

// Limits that travel along from the full handshake through every resumption.
struct session_limits {
  std::chrono::sys_seconds began{};                 // the end of the full handshake
  std::chrono::sys_seconds verdict_ends = far_off;  // the first of its certificates expires
};

struct kept_session {
  digest scope{};            // what it may be resumed under
  bool is_reusable = false;  // TLS 1.2: good for more than one connection
  session_limits limits;
  std::chrono::sys_seconds until{};  // of this ticket
  secret engine;                     // what s2n makes and reads

  bool is_good(std::chrono::system_clock::time_point now) const noexcept;
};

// What a client's connection knows of its sessions.
struct session_use {
  digest scope{};
  std::string key;                      // in the store
  std::optional<kept_session> offered;  // until the server has answered
  std::chrono::sys_seconds verdict_ends = far_off;
  session_limits limits;                       // once established
  std::optional<std::chrono::seconds> hint{};  // with the ticket that came in a handshake of TLS 1.2
  std::vector<kept_session> waiting;           // tickets of TLS 1.3, for the end of a call
};

secret pack(const kept_session& kept);
std::optional<kept_session> unpack(std::span<const std::byte> bytes);  // nothing: not ours, or damaged

// The end of a ticket that came now, with the server's hint.
std::chrono::sys_seconds end_of(const session_limits& limits, bool is_reusable, std::chrono::sys_seconds now,
                                std::chrono::seconds hint) noexcept;

// What made the verdict of a context's handshakes. False: the random number that stands for a peer check, which has no
// name to be distinguished by, cannot be had.
bool describe_verdict(const context::state& s, digest& made);

// What is verified on one connection: the context's part, and the name.
digest scope_of(const digest& verdict, std::string_view server_name);
// Where its sessions are kept: "example.org:443 0123…".
std::string store_key(const digest& scope, std::string_view server_name, std::uint16_t port, alpn_view alpn);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
