// SPDX-License-Identifier: Apache-2.0
// A manual page for man(1), in roff.
#pragma once

#include "arguments/definition.hpp"

#include <string>

namespace sluice::tool {

// `date` is YYYY-MM-DD.
std::string manual_page(const command& one, const command& program, const std::string& version,
                        const std::string& date);

// As roff shows it letter for letter; never the beginning of a request.
std::string roff(const std::string& text);

}  // namespace sluice::tool
