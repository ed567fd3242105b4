// SPDX-License-Identifier: Apache-2.0
// The tool's failures: thrown as sluice::error, printed as one sentence with one remedy.
#pragma once

#include "sluice/error.hpp"

#include <string>

namespace sluice::tool {

// As `sluice::error`, the exception of result<T>::value(): the tool has one way to give up.
[[noreturn]] void give_up(errc cause, const std::string& where, const std::string& detail = {},
                          const std::string& remedy = {});

// What to do about a failure: its own remedy, else what is usually done about that cause; empty when neither.
std::string remedy_for(const failure& error);

// "sluice: WHERE: WHAT: DETAIL; REMEDY" on stderr.
void complain(const failure& error);

}  // namespace sluice::tool
