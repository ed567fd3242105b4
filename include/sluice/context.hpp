// SPDX-License-Identifier: Apache-2.0
// How to speak TLS: options, turned once into an immutable context that any number of connections share.
#pragma once

#include "sluice/clock.hpp"
#include "sluice/identity.hpp"
#include "sluice/observe.hpp"
#include "sluice/policy.hpp"
#include "sluice/result.hpp"
#include "sluice/session.hpp"
#include "sluice/trust.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

enum class role : std::uint8_t { client, server };

// Whether a server asks for a client certificate, and whether it insists.
enum class client_auth : std::uint8_t { none, optional, required };

namespace internal {
struct unverified;
}

// How a peer's certificate is judged. Full verification is the only kind that can be had without dangerous.hpp.
class verification {
 public:
  constexpr verification() noexcept = default;
  constexpr bool is_on() const noexcept { return on_; }

 private:
  friend struct internal::unverified;
  constexpr explicit verification(bool on) noexcept : on_(on) {}
  bool on_ = true;
};

// How long a failed connection is held before the peer learns of the failure, so that the time taken tells an
// attacker nothing (s2n: 10 to 30 seconds). The caller is told at once in any case, by synchronous calls too; only the
// socket lingers, of a stream that owns it, until the delay is over or its execution context ends. The delay is no work
// for io_context::run(): a program that wants its peers told keeps its loop running for so long.
class blinding {
 public:
  static constexpr blinding standard() noexcept { return blinding(std::chrono::seconds(30)); }
  // Rounded up to whole seconds; the shortest delay is a third of it.
  static constexpr blinding at_most(std::chrono::seconds longest) noexcept { return blinding(longest); }
  static constexpr blinding off() noexcept { return blinding(std::chrono::seconds(0)); }
  constexpr std::chrono::seconds longest() const noexcept { return longest_; }

 private:
  constexpr explicit blinding(std::chrono::seconds longest) noexcept : longest_(longest) {}
  std::chrono::seconds longest_;
};

// Called with each line of the NSS key log format (no line end), for Wireshark. It undoes the encryption for
// whoever has the lines. Called on connection threads.
using key_log = std::function<void(std::string_view line)>;

// What Sluice refuses in a peer's chain although s2n would take it, and can be told to take again. Each weakens what
// a certificate proves.
struct allowances {
  bool sha1_signatures = false;    // a certificate signed with SHA-1 or MD5 (the anchor apart)
  bool small_rsa_keys = false;     // an RSA key below 2048 bits
  bool common_name = false;        // a host name in the subject's common name, where there is no dNSName
  bool dns_name_as_ip = false;     // an IP address written as a dNSName
};

// A further say about a peer whose chain has already passed: leaf first, anchor last. Return false to refuse it
// (errc::certificate_rejected). Called on the connection's thread, once, before any byte of application data.
using peer_check = std::function<bool(std::span<const certificate> chain)>;

struct client_options {
  std::optional<sluice::identity> identity;   // a certificate for servers that ask
  std::optional<sluice::trust> trust;         // replaces the system's store
  std::string policy;                         // an s2n policy; empty: by `versions`
  version_range versions;                     // default TLS 1.2 to 1.3
  // Preferred first; names of 1 to 255 bytes (RFC 7301), none of them NUL. s2n does not read an answer of one byte.
  std::vector<std::string> alpn;
  // Fails the handshake (errc::alpn_mismatch) with a server that chooses none of them, as one without ALPN does.
  bool require_alpn = false;
  // Ask for a stapled OCSP response; refuse a bad one, and a missing one where the certificate promises it (RFC 7633).
  bool ocsp = true;
  verification verify;                        // sluice::dangerous turns it off
  allowances allow;
  peer_check accept;
  // How many certificates the server may send, and a path may have; one more is errc::chain_too_long.
  std::uint16_t max_chain = 100;
  // Resume with what servers give out; null: never. A session reaches the store once its handshake is done and every
  // check has passed, and is resumed only where the same checks would have been made (see session_store).
  std::shared_ptr<session_store> sessions;
  sluice::blinding blinding = sluice::blinding::standard();
  std::shared_ptr<sluice::observer> observer;
  std::shared_ptr<const sluice::clock> clock;
  sluice::key_log key_log;
  // Asks for records of no more than 512, 1024, 2048 or 4096 bytes (RFC 6066 §4), where memory is short; 0 does not
  // ask. A server may pass over it; one that grants it gets records as short.
  std::size_t max_fragment = 0;
  // Keep what passes in a handshake, for connection::transcript(). Costs what a handshake sends and reading it
  // once more, about 0.1 ms: for tools that show it.
  bool record_transcript = false;
};

struct server_options {
  std::vector<sluice::identity> identities;   // chosen by SNI and key type; the first of a type is the default
  sluice::client_auth client_auth = sluice::client_auth::none;
  std::optional<sluice::trust> trust;         // for client certificates; needed when client_auth asks for them
  std::string policy;
  version_range versions;
  // The server's order decides. A client that offers ALPN and nothing of these is refused with the alert
  // no_application_protocol (RFC 7301 §3.2); one that does not offer ALPN is served, and so are all without a list.
  std::vector<std::string> alpn;
  bool alpn_is_optional = false;              // serve who shares no protocol as well, without one
  allowances allow;                           // in client certificates
  peer_check accept;                          // for client certificates
  std::uint16_t max_chain = 100;              // as above, of a client
  std::optional<ticket_options> tickets = ticket_options();  // resumption; nullopt: none
  // Early data (0-RTT): take up to so many bytes from clients that resume; 0: refuse it. It has no forward secrecy:
  // who steals a ticket's key reads it. Replays: there is no store of tickets that were used, but early data is kept
  // until the handshake is done and only then given to read(), so that whoever sends a recording again, and cannot
  // finish the handshake, gets nothing done by it (RFC 8470 §3). No time is won on this side: s2n answers nothing
  // before the handshake is done. So much memory a handshake in flight. Servers that share tickets should agree on it.
  std::uint32_t max_early_data = 0;
  sluice::blinding blinding = sluice::blinding::standard();
  std::shared_ptr<sluice::observer> observer;
  std::shared_ptr<const sluice::clock> clock;
  sluice::key_log key_log;
  bool grants_max_fragment = false;           // clients that ask for short records get them; each costs some 30 bytes
  bool record_transcript = false;                // as above
};

// "h2;http/1.1" or "h2,http/1.1": one to four names, as the AWS stacks take them. A fifth is errc::bad_alpn.
result<std::vector<std::string>> parse_alpn(std::string_view text);

// Immutable and shareable: copies are one context. Any thread. Every connection keeps its context alive. One that was
// moved from is empty: its connections fail with errc::invalid_argument.
class context {
 public:
  // All the checking is done here. Errors: the config row of errc (policy_conflict, unknown_policy, bad_alpn,
  // trust_store_empty, no_certificate, …). Starts the library.
  static result<context> client(const client_options& options = {});
  static result<context> server(const server_options& options);

  role side() const noexcept;
  const sluice::policy& policy() const noexcept;
  const std::vector<std::string>& alpn() const noexcept;
  bool verifies() const noexcept;
  const std::shared_ptr<sluice::observer>& observer() const noexcept;

  struct state;  // the library's own
  const std::shared_ptr<const state>& shared_state() const noexcept { return state_; }

 private:
  friend class connection;
  explicit context(std::shared_ptr<const state> s) noexcept : state_(std::move(s)) {}
  std::shared_ptr<const state> state_;
};

}  // namespace sluice::inline v0
