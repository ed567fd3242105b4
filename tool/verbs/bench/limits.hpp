// SPDX-License-Identifier: Apache-2.0
// What the system allows this process, and what it takes.
#pragma once

#include <cstddef>

namespace sluice::tool {

// Raises the number of open descriptors to what is allowed; throws errc::invalid_argument, naming --connections, where
// that is not enough for so many connections.
void allow_connections(std::size_t connections);

// Of this process, resident, in bytes.
std::size_t resident_memory();

}  // namespace sluice::tool
