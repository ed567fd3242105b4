// SPDX-License-Identifier: Apache-2.0
// Session resumption: the tickets that a server issues, and where a client stores them. A resumed handshake needs no
// private key.
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

namespace sluice {
inline namespace v0 {

// The keys with which a server encrypts its tickets (RFC 5077, RFC 8446 §4.6.1). Every key is derived from one seed and
// the time, so that servers which share the seed accept each other's tickets and change keys at the same time, without
// communicating. A context never runs out of keys: from time to time, new connections get a new engine configuration
// with the next keys. s2n issues no tickets to clients that sent a certificate.
struct ticket_options {
  std::shared_ptr<const secret> seed;  // 32 bytes or more, to be kept secret; null: random, for this context alone
  std::chrono::hours key_period = std::chrono::hours(12);  // the time for which a key encrypts; an hour or more
  // The lifetime of a ticket. It is limited to a week, and to 46 key periods, because that is how many keys are kept.
  std::chrono::seconds session_lifetime = std::chrono::hours(15);
};

// A client's store of sessions. Implement it to store them elsewhere. Its functions are called on the threads of
// connections and must not block for long. An exception that they throw counts as no session, and is reported to the
// context's observer as a warning. Sessions are secret: anyone who has one can resume it.
//
// Any contexts may share a store. A resumed handshake has no certificate, so a session is resumed only where its full
// handshake would have been verified in the same way: `key` consists of the name that the server had to prove, its
// port, and a digest of the client's certificate, the trust store, the policy, the allowances, max_chain, the ALPN
// list, require_alpn, and whether certificates and OCSP responses are verified. A context with a peer_check shares
// sessions with no other. All of this but port and ALPN is also stored in the session and compared again, so that a
// store which confuses keys costs full handshakes and nothing else.
//
// No session outlives the certificates of its full handshake. It can be resumed for at most a day after that handshake
// in TLS 1.2, and for a week in TLS 1.3, however often it has been resumed and renewed since. The time is that of the
// context's clock.
class session_store {
 public:
  virtual ~session_store() = default;
  // Stores a session of an established connection. The key is one line of text: the name, ":" and the port if it is
  // known, a space, and the digest in hexadecimal. `lifetime` is the remaining lifetime: the server's hint (an hour if
  // there is none), within the limits above. Sessions that were put under the key before remain valid.
  virtual void put(std::string_view key, std::span<const std::byte> session, std::chrono::seconds lifetime) = 0;
  // Removes and returns a session for that key, because a TLS 1.3 ticket is for one use (RFC 8446 §C.4). It is called
  // when a handshake begins. A session of TLS 1.2 is put back after it has been resumed.
  virtual std::optional<secret> take(std::string_view key) = 0;
};

// Makes a store in memory. It returns the newest session first, and has at most `capacity` keys with `per_key` sessions
// each; the least recently used key is removed. `clock` measures lifetimes; pass the clock that the context has.
std::shared_ptr<session_store> make_session_store(std::size_t capacity = 1024, std::size_t per_key = 4,
                                                  std::shared_ptr<const clock> clock = nullptr);

}  // namespace v0
}  // namespace sluice
