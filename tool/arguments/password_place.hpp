// SPDX-License-Identifier: Apache-2.0
// Where the password of a key file comes from, and the remedies if it is missing or wrong.
#pragma once

#include "sluice/error.hpp"
#include "sluice/password.hpp"

#include <string>

namespace sluice::tool {

inline constexpr auto password_variable = "SLUICE_PASSWORD";

// That file's first line, else SLUICE_PASSWORD; empty where neither is given.
password_source password_of(const std::string& password_file);

// The same failure; if a password is missing or wrong, its remedy says how to give it to this tool.
failure with_password_remedy(failure error, const std::string& password_file);

}  // namespace sluice::tool
