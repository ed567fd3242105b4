// SPDX-License-Identifier: Apache-2.0
// The text of `--help`.
#pragma once

#include "arguments/definition.hpp"
#include "terminal/screen.hpp"

#include <string>

namespace sluice::tool {

// Ends with a newline. `more` comes last.
std::string help_text(const command& one, const screen& to, const std::string& more = {});

}  // namespace sluice::tool
