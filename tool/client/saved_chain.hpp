// SPDX-License-Identifier: Apache-2.0
// --save-chain: the peer's certificates in a file.
#pragma once

#include "client/report.hpp"

#include <string>

namespace sluice::tool {

// PEM, leaf first, as it was verified, else as it was sent. Where there is nothing to write it prints that on stderr; a
// file that cannot be written is the report's failure, unless it has another.
void save_chain(const std::string& path, connection_report& report);

}  // namespace sluice::tool
