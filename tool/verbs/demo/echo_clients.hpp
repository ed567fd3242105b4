// SPDX-License-Identifier: Apache-2.0
// The clients of the demonstration: ours, and OpenSSL's. Each verifies the server and has a text echoed.
#pragma once

#include "terminal/interrupt.hpp"
#include "verbs/demo/echo_server.hpp"
#include "sluice/context.hpp"

#include <optional>
#include <string>

namespace sluice::tool {

struct echo_outcome {
  std::string client;            // "sluice", "openssl"
  std::string echo_sha256;       // of what came back; empty when nothing did
  std::optional<failure> error;  // the handshake, the name check or the echo failed
};

// Both block the calling thread, which runs no loop. `tls` is a client's.
echo_outcome echo_with_sluice(const boost::asio::ip::tcp::endpoint& server, const context& tls, const std::string& text,
                              const interrupt_watch& watch);
echo_outcome echo_with_openssl(const boost::asio::ip::tcp::endpoint& server, const std::string& ca_file,
                               tls_version version, const std::string& text, const interrupt_watch& watch);

}  // namespace sluice::tool
