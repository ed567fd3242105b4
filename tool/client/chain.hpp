// SPDX-License-Identifier: Apache-2.0
// The peer's chain as a tree: the leaf on top, each issuer below what it issued, each problem at its certificate.
#pragma once

#include "client/report.hpp"
#include "terminal/screen.hpp"

#include <string>
#include <vector>

namespace sluice::tool {

// One certificate as it is shown, or the one that is missing at the end.
struct chain_node {
  std::string name;   // the subject
  std::string about;  // its subject, or what it is
  std::string facts;  // key, dates, days left; empty for a missing one
  std::vector<std::string> problems;
};

struct chain_tree {
  std::vector<chain_node> nodes;    // leaf first
  std::vector<std::string> strays;  // subjects of certificates that were sent and are not part of it
};

chain_tree make_chain_tree(const connection_report& report);  // empty where the chain is not known
void print_chain(const connection_report& report, const screen& to);

}  // namespace sluice::tool
