// SPDX-License-Identifier: Apache-2.0
// The client side of `check` and `connect`: their options, and the connection made as they say.
#pragma once

#include "arguments/options.hpp"
#include "client/any_stream.hpp"
#include "client/report.hpp"
#include "client/route.hpp"
#include "client/trace.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace sluice::tool {

struct client_verb_options {
  std::string address;
  tls_options tls;
  route_options way;
  std::string server_name;
  bool is_insecure = false;
  bool needs_tls13 = false, needs_post_quantum = false, needs_ocsp = false;
  std::string needs_alpn;
  std::string fail_under;
  std::string save_chain;
  trace_options watch;
  std::shared_ptr<session_store> sessions;  // where tickets go to and come from; null: nowhere
  std::string early_data;  // sent with the first message, as far as a session allows; info() tells how far

  void declare(CLI::App& app);
};

// What the options ask for, checked before anybody is asked, and shared by all connections that are made so.
struct client_plan {
  target to;
  route way;
  context tls;
  std::chrono::milliseconds limit;
  std::optional<std::chrono::milliseconds> min_validity;
  std::string address;  // connect to this one; empty: to whatever the name stands for
};

client_plan make_plan(const client_verb_options& options);  // throws sluice::error

struct dialled {
  connection_report report;
  std::optional<any_stream> stream;  // when the handshake was done, whatever the requirements say
  bool has_begun = false;            // false: the options were wrong, and nobody was asked
};

// Connects, and holds the outcome against the --require-… options. Does not throw: trouble is in the report.
boost::asio::awaitable<dialled> dial(const client_verb_options& options);  // `options` outlives it
boost::asio::awaitable<dialled> dial(const client_verb_options& options, const client_plan& plan);  // both outlive it

// A report on what never came to a connection.
dialled undialled(const client_verb_options& options, failure why);

// The same report for a dial that was interrupted.
dialled interrupted_dial(const client_verb_options& options);

}  // namespace sluice::tool
