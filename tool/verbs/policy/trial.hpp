// SPDX-License-Identifier: Apache-2.0
// Which policies can agree with a server on a handshake: one probe for each.
#pragma once

#include "arguments/options.hpp"
#include "terminal/values.hpp"

#include "sluice/asio/connect.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

struct trial_settings {
  target to;
  std::string server_name;
  client_options tls;                   // but for the policy
  std::chrono::milliseconds timeout{};  // of each handshake
  std::size_t parallel = 8;             // handshakes at a time
};

// The outcome for one policy.
struct trial {
  std::string policy;
  std::optional<connection_info> info;  // what was agreed; nothing when they cannot talk
  std::optional<failure> distrust;      // they can talk, but the certificate was refused: why
  std::optional<failure> error;         // why they cannot talk

  bool can_talk() const noexcept { return info.has_value(); }
};

struct trials {
  boost::asio::ip::tcp::endpoint address;  // all of them went there
  std::vector<trial> all;                  // in the order of the policies
};

// One handshake a policy, of those that are the same under several names one for all; a second one where the
// certificate was refused, since trust does not matter here and versions, suites and groups do. A server that cannot be
// found or reached is an exception, sluice::error; `settings` and `policies` outlive it. `on_progress` gets how many
// policies are done.
boost::asio::awaitable<trials> try_policies(const trial_settings& settings, const std::vector<policy>& policies,
                                            std::function<void(std::size_t)> on_progress);

}  // namespace sluice::tool
