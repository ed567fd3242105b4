// SPDX-License-Identifier: Apache-2.0
// The verbs of the command line. To add one: a folder beside this file, and a row in table.cpp.
#pragma once

#include "arguments/verb.hpp"

namespace sluice::tool {

std::span<const verb> verbs();

}  // namespace sluice::tool
