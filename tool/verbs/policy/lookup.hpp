// SPDX-License-Identifier: Apache-2.0
// Policies by every name they go by.
#pragma once

#include "sluice/policy.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::tool {

// By s2n's name, or by a name of aws-c-io's (AWS_IO_…). Throws errc::unknown_policy, with the nearest names.
policy look_up_policy(std::string_view name);

// Every policy of the linked s2n, in its order. `default` first.
std::vector<policy> every_policy();

// What else leads to it: "TLS 1.2 to 1.3" for the ranges of versions, and names of aws-c-io's.
std::vector<std::string> uses_of(const policy& one);

// Other names of s2n's for exactly the same.
std::vector<std::string> aliases_of(const policy& one);

// From the greatest to the least, as they are preferred.
std::vector<std::string> versions_of(const policy& one);

}  // namespace sluice::tool
