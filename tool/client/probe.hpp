// SPDX-License-Identifier: Apache-2.0
// One connection as a plan describes it, and the report on it.
#pragma once

#include "client/any_stream.hpp"
#include "client/plan.hpp"
#include "client/report.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace sluice::tool {

struct opened_connection {
  connection_report report;
  std::optional<any_stream> stream;  // when the handshake was done, even where a requirement is not met
};

// Resolves, connects, sends what comes before TLS, shakes hands, and compares the outcome with the requirements. Does
// not throw: a failure is in the report. The plan outlives it.
boost::asio::awaitable<opened_connection> open_connection(const client_plan& plan);

// The same for a connection whose handshake is all that is wanted: waits for the server's late verdict on our
// certificate, where there is one to come (late_verdict.hpp), and ends the connection by close_notify. `tickets` in the
// report is left to the owner of the session store. Does not throw; the plan outlives it.
boost::asio::awaitable<connection_report> probe(const client_plan& plan);

}  // namespace sluice::tool
