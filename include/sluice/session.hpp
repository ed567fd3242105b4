// SPDX-License-Identifier: Apache-2.0
// Resumption: tickets a server gives out, and where a client keeps them. A resumed handshake needs no private key.
#pragma once

#include "sluice/secret.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

// What keys a server seals its tickets with (RFC 5077, RFC 8446 §4.6.1). Every key is derived from one seed and the
// time, so servers that share the seed accept each other's tickets, change keys together, and never have to be told.
// s2n gives no tickets to clients that showed a certificate.
struct ticket_options {
  std::shared_ptr<const secret> seed;  // 32 bytes or more, kept secret; null: random, for this context alone
  std::chrono::hours key_period = std::chrono::hours(12);  // how long a key seals; a context holds 47 in advance
  std::chrono::seconds session_lifetime = std::chrono::hours(15);  // how long a ticket is good
};

// Where a client's sessions wait for the next connection. Implement it to keep them elsewhere. Called on connection
// threads; must not block for long. What is kept is secret: with it, a session can be resumed. A resumed handshake
// shows no certificate, so share a store only between contexts that trust alike.
class session_store {
 public:
  virtual ~session_store() = default;
  // A new ticket from the server of this name. `lifetime` is the server's hint, or an hour where it gives none.
  virtual void put(std::string_view server_name, std::span<const std::byte> session, std::chrono::seconds lifetime) = 0;
  // A session for that name, and not again: a TLS 1.3 ticket is for one use (RFC 8446 §C.4).
  virtual std::optional<secret> take(std::string_view server_name) = 0;
};

// In memory, newest first, at most `capacity` names with `per_name` sessions each; the least recently used name goes.
std::shared_ptr<session_store> make_session_store(std::size_t capacity = 1024, std::size_t per_name = 4);

}  // namespace sluice::inline v0
