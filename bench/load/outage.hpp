// SPDX-License-Identifier: Apache-2.0
// What clients see while a token is unplugged and plugged in again: full handshakes, resumed ones, and connections
// that were there before.
#pragma once

#include <string>

namespace bench {

// Times are seconds of the monotonic clock, which bench/slow-token shares.
std::string watch_outage(const std::string& port, const std::string& ca, double seconds);

}  // namespace bench
