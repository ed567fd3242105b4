// SPDX-License-Identifier: Apache-2.0
// One connection made to be looked at: the handshake, what the server still says after it, and goodbye.
#pragma once

#include "client/plan.hpp"

#include <boost/asio/awaitable.hpp>

namespace sluice::tool {

// `tickets` in the report is left to who has the session store. Both outlive it; does not throw.
boost::asio::awaitable<connection_report> visit(const client_verb_options& options, const client_plan& plan);

}  // namespace sluice::tool
