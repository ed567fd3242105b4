// SPDX-License-Identifier: Apache-2.0
// What a verb's connections are to be: everything the options ask for, checked before the first one is begun.
#pragma once

#include "client/options.hpp"
#include "client/report.hpp"
#include "client/requirements.hpp"
#include "client/route.hpp"

#include "sluice/context.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace sluice::tool {

// Functions below a verb take this alone; all connections of a verb may share it.
struct client_plan {
  target to;  // the server, by its name
  route way;
  context tls;              // with record_transcript, where a late verdict on our certificate is to be waited for
  std::string server_name;  // sent, and verified
  std::chrono::milliseconds timeout{};
  std::string address = {};  // connect to this one; empty: to whichever of the name's answers first
  bool is_verified = true;   // false: any certificate is accepted
  requirements required = {};
  std::string chain_file = {};  // the peer's certificates are written here; empty: nowhere
  std::string early_data = {};  // sent with the first message, as far as a session allows; info() reports how far
  // For the server's answer to close_notify, after a probe; nothing: long enough for its tickets.
  std::optional<std::chrono::nanoseconds> close_timeout = std::nullopt;
};

// `sessions` is where tickets go and come from; null: nowhere. Opens what the options name; throws sluice::error.
client_plan make_plan(const client_verb_options& options, std::shared_ptr<session_store> sessions);

// The report where no plan could be made, and where Ctrl-C ended the connection.
connection_report unplanned_report(const client_verb_options& options, failure error);
connection_report interrupted_report(const client_plan& plan);

}  // namespace sluice::tool
