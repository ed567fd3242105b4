// SPDX-License-Identifier: Apache-2.0
// An echo server on the library itself, with as many sessions of the token as it is told.
#pragma once

#include <string>
#include <vector>

namespace bench {

// words: PORT CHAIN KEY-FILE, or PORT CHAIN URI MODULE PIN-FILE SESSIONS. Serves until it is ended.
int serve_wide(const std::vector<std::string>& words);

}  // namespace bench
