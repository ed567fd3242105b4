// SPDX-License-Identifier: Apache-2.0
// A host as the resolver takes it, once the names of a connection are known to be good.
#pragma once

#include "sluice/result.hpp"

#include <string>

namespace sluice {
inline namespace v0 {
namespace detail {

// Addresses without brackets, with their zone. errc::bad_name where the host, or the server name given beside it, is
// none: a query for those would reveal the name to a name server, and wait for nothing.
result<std::string> name_to_look_up(const std::string& host, const std::string& server_name);

}  // namespace detail
}  // namespace v0
}  // namespace sluice
