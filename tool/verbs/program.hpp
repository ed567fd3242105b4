// SPDX-License-Identifier: Apache-2.0
// The whole command line, declared: for the program, and for what writes its manual.
#pragma once

#include "verbs/table.hpp"

namespace sluice::tool {

// To be run once `app` has parsed.
action declare_program(CLI::App& app);

}  // namespace sluice::tool
