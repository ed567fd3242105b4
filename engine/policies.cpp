// SPDX-License-Identifier: Apache-2.0
// Prints what the presets offer with one build of the engine, for scripts/bump-engine to compare with another.
#include "sluice/policy.hpp"

#include <iostream>

int main() {
  for (const auto& preset : sluice::policy_presets()) {
    std::cout << "== " << to_string(preset.min) << " to " << to_string(preset.max) << ": " << preset.name << "\n";
    const auto found = sluice::find_policy(preset.name);
    if (!found) {
      std::cout << "ABSENT: " << found.error().message() << "\n\n";
      continue;
    }
    if (found->deprecated) std::cout << "DEPRECATED\n";
    std::cout << "versions: " << to_string(found->min) << " to " << to_string(found->max) << "\n"
              << found->fingerprint << "\n";
  }
}
