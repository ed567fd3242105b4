// SPDX-License-Identifier: Apache-2.0
// How a token verb ends: with its answer, or with what went wrong, in words or in JSON.
#pragma once

#include "terminal/exit_code.hpp"
#include "terminal/json.hpp"
#include "terminal/screen.hpp"

#include <utility>

namespace sluice::tool {

// With --json a failure is an object on stdout, {"ok":false,"error":{…}}; otherwise main() prints it on stderr.
template <class Work>
int answer(bool is_json, Work&& work) {
  if (!is_json) return std::forward<Work>(work)();
  try {
    return std::forward<Work>(work)();
  } catch (const error& e) {
    const screen out(stdout);
    out.line(to_text(json::object{{"ok", false}, {"error", describe(std::optional(e.why()))}}));
    return exit_code_of(e.why());
  }
}

}  // namespace sluice::tool
