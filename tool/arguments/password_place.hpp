// SPDX-License-Identifier: Apache-2.0
// Where the password of a key file comes from, and what to say when there is none or a wrong one.
#pragma once

#include "sluice/error.hpp"
#include "sluice/password.hpp"

#include <string>

namespace sluice::tool {

inline constexpr auto password_variable = "SLUICE_PASSWORD";

// That file's first line, else SLUICE_PASSWORD; empty where neither is given.
password_source password_of(const std::string& password_file);

// The same failure; a password that is missing or wrong is said how to give to this tool.
failure with_password_remedy(failure why, const std::string& password_file);

}  // namespace sluice::tool
