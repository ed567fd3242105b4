// SPDX-License-Identifier: Apache-2.0
// Descriptors 0 to 2 are there before anything is opened.
#pragma once

namespace sluice::tool {

// Without one of them, the next file or socket that is opened would take its place: our messages
// would be written into it. What is missing becomes /dev/null. False where that cannot be had.
bool fill_standard_descriptors() noexcept;

}  // namespace sluice::tool
