// SPDX-License-Identifier: Apache-2.0
// What a verdict rests on, for people: what was agreed, the chain, where the time went.
#pragma once

#include "client/report.hpp"
#include "terminal/screen.hpp"

namespace sluice::tool {

// A line a fact, then the chain as a tree, then the phases as bars; each as far as it is known.
void print_details(const connection_report& report, const screen& to);
// The facts alone.
void print_facts(const connection_report& report, const screen& to);

}  // namespace sluice::tool
