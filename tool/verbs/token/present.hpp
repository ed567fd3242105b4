// SPDX-License-Identifier: Apache-2.0
// The tokens that the module, or the system's modules, report.
#pragma once

#include "arguments/token_place.hpp"

#include <string>
#include <vector>

namespace sluice::tool {

struct present_token {
  pkcs11::token_info info;
  pkcs11::module_info module;
  token_place place;       // its own URI, with the module that has it
  bool is_usable = false;  // initialised, or named by the URI: some modules forget the flag
};

// Those that fit the URI. Without a module in it or beside it: of every module that the system knows. Throws
// errc::token_not_found when there is none, with what was tried and what is there instead.
std::vector<present_token> present_tokens(const token_place& place);

}  // namespace sluice::tool
