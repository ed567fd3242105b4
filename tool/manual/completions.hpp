// SPDX-License-Identifier: Apache-2.0
// What a shell offers while a command line is being written.
#pragma once

#include "arguments/definition.hpp"

#include <string>

namespace sluice::tool {

std::string bash_completion(const command& program);
std::string zsh_completion(const command& program);
std::string fish_completion(const command& program);

// In single quotes, for any of the three.
std::string shell_quoted(const std::string& text);

}  // namespace sluice::tool
