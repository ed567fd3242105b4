// SPDX-License-Identifier: Apache-2.0
// Lists of application protocols (ALPN, RFC 7301).
#pragma once

#include "sluice/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {

// The names of application protocols, most preferred first: {"h2", "http/1.1"}. Each has 1 to 255 bytes. A list is
// checked where it is used: a name of another length, or a list that does not fit its extension, is errc::bad_alpn.
using alpn_list = std::vector<std::string>;
// A list that the caller owns. Options refer to one by it, so that they stay trivially copyable.
using alpn_view = std::span<const std::string>;

// Parses "h2;http/1.1" or "h2,http/1.1": one to four names, the form of the AWS stacks. A fifth is errc::bad_alpn.
result<alpn_list> parse_alpn(std::string_view text);

}  // namespace v0
}  // namespace sluice
