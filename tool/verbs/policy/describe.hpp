// SPDX-License-Identifier: Apache-2.0
// Policies in JSON, and for people.
#pragma once

#include "verbs/policy/trial.hpp"
#include "terminal/json.hpp"
#include "terminal/screen.hpp"

#include "sluice/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

json::object describe_policies(const std::vector<policy>& known, const std::vector<std::string>& deprecated);
json::object describe(const policy& one);
json::object describe_difference(const policy& a, const policy& b);
json::object describe(const trial_settings& settings, const trials& found, const std::optional<failure>& error);

void print_policies(const screen& to, const std::vector<policy>& known, const std::vector<std::string>& deprecated);
void print_policy(const screen& to, const policy& one);
void print_difference(const screen& to, const policy& a, const policy& b);
void print_trials(const screen& to, const trial_settings& settings, const trials& found);

}  // namespace sluice::tool
