// SPDX-License-Identifier: Apache-2.0
// Files that the command line names.
#pragma once

#include <string>

namespace sluice::tool {

// All of it; gives up, naming the file, where it cannot be read.
std::string read_file(const std::string& path);

}  // namespace sluice::tool
