// SPDX-License-Identifier: Apache-2.0
// All there is to say about one attempt to connect, whether it went well or not.
#pragma once

#include "terminal/values.hpp"

#include "sluice/asio/connect.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

// The tickets that a server gave for resuming the session.
struct tickets_given {
  unsigned count = 0;
  std::chrono::seconds lifetime{};  // of the last one, by the server's word
};

struct connection_report {
  target to;
  std::string server_name;  // the name the certificate had to be for
  std::string policy;       // empty while there is no context
  bool is_verified = true;  // false with --insecure
  std::optional<boost::asio::ip::tcp::endpoint> address;  // which answered, else the last tried; null behind a proxy
  std::vector<connect_attempt> attempts;
  std::string starttls;     // the protocol that began in the clear; empty: none did
  std::string proxy;        // HOST:PORT of the proxy in between; empty: there was none
  std::optional<connection_info> info;  // once the handshake was done
  // Leaf first: as verified, anchor last, else as the peer sent it. Empty when it is not known.
  std::vector<certificate> chain;
  bool is_chain_verified = false;
  handshake_transcript seen;
  bool is_certificate_unjudged = false;  // we waited, and the server did not say what it makes of ours (TLS 1.3)
  bool may_say_more = false;  // TLS 1.3: the server did not end the connection in answer to our goodbye while we waited
  std::optional<tickets_given> tickets;  // where somebody waited for them
  handshake_timings timings;
  std::chrono::nanoseconds prelude{};  // what was said before TLS
  std::chrono::nanoseconds total{};
  std::optional<failure> why;

  bool is_good() const noexcept { return !why; }
  // What async_connect tells: address, attempts, times, messages, and the chain as it was sent.
  void take(connect_report story);
  // "good", "none", "revoked", "unknown" or "invalid": what came of the stapled OCSP response.
  std::string_view ocsp() const noexcept;
};

}  // namespace sluice::tool
