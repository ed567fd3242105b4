// SPDX-License-Identifier: Apache-2.0
// Tokens, keys and what is counted about them, as JSON.
#pragma once

#include "arguments/token_place.hpp"
#include "terminal/json.hpp"
#include "terminal/token_json.hpp"

#include <span>
#include <string>
#include <vector>

namespace sluice::tool {

std::string hex(std::span<const std::byte> bytes);
json::array describe(std::span<const std::string> words);
// One object of `token show`; URIs are ready to paste.
json::object describe(const pkcs11::key_info& key, const token_place& place);
json::object describe(const pkcs11::certificate_info& one, const token_place& place);
// Statistics of a token: `serve` and `token watch`.

}  // namespace sluice::tool
