// SPDX-License-Identifier: Apache-2.0
// A connection in JSON, as docs/schema has it.
#pragma once

#include "client/report.hpp"
#include "terminal/json.hpp"

namespace sluice::tool {

json::object describe_timings(const connection_report& report);  // "timing_ms"
json::object describe(const connection_report& report);          // `check --json`

}  // namespace sluice::tool
