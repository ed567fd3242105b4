// SPDX-License-Identifier: Apache-2.0
// What two policies do not have in common.
#pragma once

#include "sluice/policy.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::tool {

// One list of two policies, each in its order.
struct list_difference {
  std::string_view name;  // "suites"
  std::vector<std::string> only_a, only_b;
  bool is_reordered = false;  // what both have is in another order

  bool is_empty() const noexcept { return only_a.empty() && only_b.empty() && !is_reordered; }
};

// In this order, always all of them: versions, suites, groups, signatures, certificate_signatures (where one of them
// takes any, it is the list of "any"), and `other`: whatever else s2n reports of a policy, a line each.
std::vector<list_difference> compare(const policy& a, const policy& b);

}  // namespace sluice::tool
