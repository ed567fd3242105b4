// SPDX-License-Identifier: Apache-2.0
// Everything that is known about one attempt to connect, successful or not.
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
  std::string server_name;                                // the name the certificate had to be for
  std::string policy;                                     // empty while there is no context
  bool is_verified = true;                                // false with --insecure
  std::optional<boost::asio::ip::tcp::endpoint> address;  // which answered, else the last tried; null behind a proxy
  std::vector<connect_attempt> attempts;
  std::string starttls;                 // the protocol that began in the clear; empty: none did
  std::string proxy;                    // HOST:PORT of the proxy in between; empty: there was none
  std::optional<connection_info> info;  // once the handshake was done
  // Leaf first: as verified, anchor last, else as the peer sent it. Empty when it is not known.
  std::vector<certificate> chain;
  bool is_chain_verified = false;
  handshake_transcript seen;
  bool is_certificate_unjudged = false;  // TLS 1.3: the server's verdict on ours did not come while we waited
  bool may_send_more = false;  // TLS 1.3: the server did not end the connection after our close_notify while we waited
  std::optional<tickets_given> tickets;  // where a session store counted them
  handshake_timings timings;
  std::chrono::nanoseconds prelude{};  // of what was sent before TLS
  std::chrono::nanoseconds total{};
  std::optional<failure> error;

  bool is_good() const noexcept { return !error; }
  // The address to which TCP connected, whatever came of TLS.
  std::optional<boost::asio::ip::tcp::endpoint> reached() const;
  // What async_connect reports: address, attempts, times, messages, and the chain as it was sent.
  void take(connect_report from);
  // "good", "none", "revoked", "unknown" or "invalid": what came of the stapled OCSP response.
  std::string_view ocsp() const noexcept;
};

}  // namespace sluice::tool
