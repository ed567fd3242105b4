// SPDX-License-Identifier: Apache-2.0
// One phase of load: clients that shake hands, and one established connection that echoes by the clock.
#pragma once

#include "sluice/context.hpp"

#include <cstddef>
#include <string>

namespace bench {

sluice::context make_client(const std::string& ca, std::shared_ptr<sluice::session_store> sessions = nullptr);

// `rate` is handshakes a second, 0: without rest. No clients: the probe alone.
std::string press(const std::string& port, const std::string& ca, std::size_t clients, double rate, double seconds);

}  // namespace bench
