// SPDX-License-Identifier: Apache-2.0
// Standard output as the tool's own: PKCS#11 modules print to it as well, and would spoil `--json`.
#pragma once

#include <cstdio>

namespace sluice::tool {

// Where the tool's own output goes, as a stream and as a descriptor.
std::FILE* standard_output() noexcept;
int standard_output_descriptor() noexcept;

// From now on, what a module in this process writes to standard output goes to standard error. Before a module is
// loaded; a second time it does nothing.
void keep_output_from_modules() noexcept;

}  // namespace sluice::tool
