// SPDX-License-Identifier: Apache-2.0
// The command line of `sluice`: for the program, and for what writes its manual.
#pragma once

#include "arguments/command_line.hpp"

namespace sluice::tool {

program sluice_program();

}  // namespace sluice::tool
