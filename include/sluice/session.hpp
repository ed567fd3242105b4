// SPDX-License-Identifier: Apache-2.0
// Resumption: tickets a server gives out, and where a client keeps them. A resumed handshake needs no private key.
#pragma once

#include "sluice/clock.hpp"
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
// A context has tickets for as long as it lives: from time to time the connections that begin get a new engine
// configuration with the next keys. s2n gives no tickets to clients that showed a certificate.
struct ticket_options {
  std::shared_ptr<const secret> seed;  // 32 bytes or more, kept secret; null: random, for this context alone
  std::chrono::hours key_period = std::chrono::hours(12);  // how long a key seals; an hour or more
  // How long a ticket is good: at most a week, and at most 46 key periods, for so many keys are kept; more counts as
  // that.
  std::chrono::seconds session_lifetime = std::chrono::hours(15);
};

// Where a client's sessions wait for the next connection. Implement it to keep them elsewhere. Called on connection
// threads; must not block for long. An exception that leaves it counts as no session, and is reported to the context's
// observer as a warning. What is kept is secret: with it, a session can be resumed.
//
// A store may be shared by any contexts. A resumed handshake shows no certificate, so a session is resumed only where
// its full handshake would have been judged alike: `key` stands for the name that the server had to prove, its port,
// and a digest of our certificate, the trust, the policy, the allowances, max_chain, the ALPN list, whether it is
// required, and whether certificates and staples are verified. A context with a peer_check of its own shares with no
// other. All but port and ALPN is written into the session and compared again: a confused store costs full handshakes.
//
// No session outlives the certificates it goes back to. In TLS 1.2 it is resumed for a day after its full handshake at
// most, in TLS 1.3 for a week, however often it was resumed and renewed meanwhile. Time is that of the context's clock.
class session_store {
 public:
  virtual ~session_store() = default;
  // A session of an established connection. The key is one line of text: the name, ":" and the port where it is known,
  // a blank, and the digest in hexadecimal. `lifetime` is what is left of it: the server's hint (an hour where it
  // gives none), and the limits above. What was put under the key before is still good.
  virtual void put(std::string_view key, std::span<const std::byte> session, std::chrono::seconds lifetime) = 0;
  // A session for that key, and not again: a TLS 1.3 ticket is for one use (RFC 8446 §C.4). Asked when a handshake
  // begins. One of TLS 1.2 is put back when it has been resumed.
  virtual std::optional<secret> take(std::string_view key) = 0;
};

// In memory, newest first, at most `capacity` keys with `per_key` sessions each; the least recently used key goes.
// Lifetimes are measured by `clock`, where one is given: give the one that the context has.
std::shared_ptr<session_store> make_session_store(std::size_t capacity = 1024, std::size_t per_key = 4,
                                                  std::shared_ptr<const clock> clock = nullptr);

}  // namespace sluice::inline v0
