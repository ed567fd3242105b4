// SPDX-License-Identifier: Apache-2.0
// The settings of TLS: options, made into an immutable context that any number of connections share.
#pragma once

#include "sluice/alpn.hpp"
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

namespace sluice {
inline namespace v0 {

namespace internal {
struct access;  // the library's own
}

// The end of a connection. It is fixed when a context is made.
enum class role : std::uint8_t { client, server };

// Whether a server requests a client certificate, and whether it requires one (mTLS).
enum class client_auth : std::uint8_t { none, optional, required };

namespace internal {
struct unverified;
}

// How a peer's certificate chain is verified. Without dangerous.hpp, full verification is the only value.
class verification {
 public:
  constexpr verification() noexcept = default;
  constexpr bool is_on() const noexcept { return on_; }  // false only after sluice::dangerous

 private:
  friend struct internal::unverified;
  constexpr explicit verification(bool on) noexcept : on_(on) {}
  bool on_ = true;
};

// The delay before a peer sees that its connection has failed, so that an attacker learns nothing from the time that
// the failure took (s2n's default: 10 to 30 seconds). The failure is reported to the caller at once in any case, by
// synchronous calls too. Only the socket stays open, if the stream owns it, until the delay has passed or its execution
// context is destroyed. The delay does not count as work for io_context::run(): a program that wants the alert to be
// sent keeps its event loop running for as long.
class blinding {
 public:
  // s2n's own delay: random, 10 to 30 seconds.
  static constexpr blinding standard() noexcept { return blinding(std::chrono::seconds(30)); }
  // Rounded up to whole seconds; the shortest delay is a third of it.
  static constexpr blinding at_most(std::chrono::seconds longest) noexcept { return blinding(longest); }
  // The peer sees a failure at once: for tests, and where no attacker can measure time.
  static constexpr blinding off() noexcept { return blinding(std::chrono::seconds(0)); }
  constexpr std::chrono::seconds longest() const noexcept { return longest_; }  // 0 if it is off

 private:
  constexpr explicit blinding(std::chrono::seconds longest) noexcept : longest_(longest) {}
  std::chrono::seconds longest_;
};

// Called with each line of the NSS key log format, without the line end, for Wireshark. Anyone who has these lines can
// decrypt the connection. The call is made on the connection's thread.
using key_log = std::function<void(std::string_view line)>;

// Defects of a peer's chain that Sluice rejects and s2n does not; each can be allowed again. Each allowance weakens
// what a certificate proves.
struct allowances {
  bool sha1_signatures = false;  // a certificate signed with SHA-1 or MD5 (the anchor apart)
  bool small_rsa_keys = false;   // an RSA key below 2048 bits
  bool common_name = false;      // a host name in the subject's common name, where there is no dNSName
  bool dns_name_as_ip = false;   // an IP address written as a dNSName
};

// An additional check of a peer whose chain has been verified (leaf first, anchor last). It returns false to reject the
// peer (errc::certificate_rejected). It is called once, on the connection's thread, before any application data.
using peer_check = std::function<bool(std::span<const certificate> chain)>;

// The options of a client context. The defaults verify the server against the trust store of the system.
struct client_options {
  std::optional<sluice::identity> identity;  // for servers that request a client certificate
  std::optional<sluice::trust> trust;        // replaces the system's trust store
  std::string policy;                        // the name of an s2n policy; if empty, `versions` selects one
  version_range versions;                    // by default TLS 1.2 and 1.3
  // In order of preference; each name has 1 to 255 bytes (RFC 7301), none of them NUL. s2n ignores a server's selection
  // of a name of one byte.
  alpn_list alpn;
  // Fails the handshake (errc::alpn_mismatch) if the server selects none of them, or does not support ALPN.
  bool require_alpn = false;
  // Requests a stapled OCSP response. An invalid response is rejected, and so is a missing one if the certificate has
  // the must-staple extension (RFC 7633).
  bool ocsp = true;
  verification verify;  // sluice::dangerous turns it off
  allowances allow;     // for the server's chain
  peer_check accept;    // an additional check of the server; empty: none
  // The number of certificates that a server may send, and that a path may have; more are errc::chain_too_long.
  std::uint16_t max_chain = 100;
  // Where sessions are stored for resumption; null disables it. A session is stored when its handshake is done and
  // every check has passed, and it is resumed only where the same checks would be made (see session_store).
  std::shared_ptr<session_store> sessions;
  sluice::blinding blinding = sluice::blinding::standard();  // after a failed handshake or a failed record
  std::shared_ptr<sluice::observer> observer;                // receives events; null: none
  std::shared_ptr<const sluice::clock> clock;                // null: the system's clocks
  sluice::key_log key_log;                                   // empty: secrets are not logged
  // Requests records of at most 512, 1024, 2048 or 4096 bytes (RFC 6066 §4), for peers with little memory; 0 requests
  // nothing. A server may ignore the request; if it grants it, the records to it are as short.
  std::size_t max_fragment = 0;
  // Keeps the messages of the handshake for connection::transcript(), for tools that display them. It costs a copy of
  // the handshake and about 0.1 ms for parsing it.
  bool record_transcript = false;
};

// The options of a server context. At least one identity is required.
struct server_options {
  std::vector<sluice::identity> identities;  // selected by SNI and key type; the first of a type is the default
  sluice::client_auth client_auth = sluice::client_auth::none;  // mTLS, if it is not `none`
  std::optional<sluice::trust> trust;  // for client certificates; required if client_auth requests them
  std::string policy;                  // as for clients
  version_range versions;              // as for clients
  // In order of preference; the server's order decides. A client that offers ALPN, but none of these, is rejected with
  // the alert no_application_protocol (RFC 7301 §3.2). A client that does not offer ALPN is served. With an empty list,
  // all clients are served.
  alpn_list alpn;
  bool alpn_is_optional = false;  // serve clients with no protocol in common too, without one
  allowances allow;               // for client certificates
  peer_check accept;              // for client certificates
  std::uint16_t max_chain = 100;  // as for clients, of the certificates that a client sends
  std::optional<ticket_options> tickets = ticket_options();  // nullopt disables resumption
  // Early data (0-RTT): the number of bytes to accept from a client that resumes a session; 0 rejects early data. They
  // have no forward secrecy: anyone who obtains the ticket key can decrypt them. Replay: used tickets are not recorded,
  // but early data are held back until the handshake is done, and only then returned by read(). An attacker who replays
  // them cannot complete the handshake, so they have no effect (RFC 8470 §3). They save this side no time: s2n answers
  // nothing before the handshake is done. Each handshake may need as much memory as this. Servers that share
  // ticket keys should use the same value.
  std::uint32_t max_early_data = 0;
  sluice::blinding blinding = sluice::blinding::standard();  // after a failed handshake or a failed record
  std::shared_ptr<sluice::observer> observer;                // receives events; null: none
  std::shared_ptr<const sluice::clock> clock;                // null: the system's clocks
  sluice::key_log key_log;                                   // empty: secrets are not logged
  bool grants_max_fragment = false;  // send short records to clients that request them; 30 bytes more a record
  bool record_transcript = false;    // as for clients
};

// A context is immutable; copies share one state. Any thread may use it. A connection keeps its context alive. A
// context that was moved from is empty: its connections fail with errc::invalid_argument.
class context {
 public:
  // Checks all options and reports what is wrong by the config group of errc (policy_conflict, unknown_policy,
  // bad_alpn, trust_store_empty, no_certificate, …). Starts the library (library.hpp).
  static result<context> client(const client_options& options = {});
  // The same for a server, which needs an identity (no_certificate) and, to request client certificates, a trust store.
  static result<context> server(const server_options& options);

  role side() const noexcept;                     // client, if it was moved from
  const sluice::policy& policy() const noexcept;  // the selected one, with its contents
  const alpn_list& alpn() const noexcept;         // of the options; a connection may have its own
  // Returns whether the peer's chain is verified; on a server, that of a client's certificate.
  bool verifies() const noexcept;
  // The observer of the options; null if there is none.
  const std::shared_ptr<sluice::observer>& observer() const noexcept;

  struct state;  // internal

 private:
  friend class connection;
  friend struct internal::access;
  explicit context(std::shared_ptr<const state> s) noexcept : state_(std::move(s)) {}
  std::shared_ptr<const state> state_;
};

}  // namespace v0
}  // namespace sluice
