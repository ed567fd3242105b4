// SPDX-License-Identifier: Apache-2.0
// `check --watch 60s`: what would make a person look again, compared from one probe to the next.
#pragma once

#include "client/report.hpp"

#include <string>
#include <vector>

namespace sluice::tool {

// One thing that can change, as it is shown. The address and times are not among them: they change all the time.
struct watched_fact {
  std::string name, value;
  friend bool operator==(const watched_fact&, const watched_fact&) = default;
};

std::vector<watched_fact> watched_facts(const connection_report& report);

struct watched_change {
  std::string name, before, after;
};

// In the order of the facts; a fact that only one of them has was or becomes "none".
std::vector<watched_change> changes_between(const std::vector<watched_fact>& before,
                                            const std::vector<watched_fact>& after);

}  // namespace sluice::tool
