// SPDX-License-Identifier: Apache-2.0
// The client side of `check` and `connect`: their options, and the connection made as they say.
#pragma once

#include "cli/options.hpp"
#include "net/report.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>

namespace sluice::tool {

struct client_verb_options {
  std::string address;
  tls_options tls;
  std::string server_name;
  bool is_insecure = false;
  bool needs_tls13 = false, needs_post_quantum = false, needs_ocsp = false;
  std::string needs_alpn;
  std::string fail_under;

  void declare(CLI::App& app);
};

struct dialled {
  connection_report report;
  std::optional<tcp_stream> stream;  // when the handshake was done, whatever the requirements say
  bool has_begun = false;            // false: the options were wrong, and nobody was asked
};

// Connects, and holds the outcome against the --require-… options. Does not throw: trouble is in the report.
boost::asio::awaitable<dialled> dial(const client_verb_options& options);  // `options` outlives it

// The same report for a dial that was interrupted.
dialled interrupted_dial(const client_verb_options& options);

}  // namespace sluice::tool
