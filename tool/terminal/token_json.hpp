// SPDX-License-Identifier: Apache-2.0
// The state of a token's pool of sessions, in JSON.
#pragma once

#include "terminal/json.hpp"

#include "sluice/pkcs11/key.hpp"

#include <string_view>

namespace sluice::tool {

json::object describe(const pkcs11::token_stats& stats);
std::string_view circuit_text(pkcs11::circuit_state state) noexcept;  // "closed", "open", "probing"

}  // namespace sluice::tool
