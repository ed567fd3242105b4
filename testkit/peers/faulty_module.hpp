// SPDX-License-Identifier: Apache-2.0
// The module that stands between us and a token, and is slow on demand.
#pragma once

#include <string>

namespace sluice::testkit {

// `given` when it is not empty; else beside this program, as it is built, or in the library folder beside its own, as
// it is installed. Throws sluice::error with what was tried.
std::string find_faulty_module(const std::string& given);

// The module reads both when it is loaded: what to forward to, and the file that describes its faults.
void set_up_faulty_module(const std::string& target, const std::string& script);

}  // namespace sluice::testkit
