// SPDX-License-Identifier: Apache-2.0
// A connection report for people: the verdict first, then what it rests on.
#pragma once

#include "net/report.hpp"
#include "show/screen.hpp"

namespace sluice::tool {

// One line: what, why, and the next thing to do.
std::string verdict_line(const connection_report& report, const screen& to);
// The rest, a line a fact.
void print_details(const connection_report& report, const screen& to);
// "TLSv1.3  TLS_AES_128_GCM_SHA256  X25519MLKEM768 (post-quantum)"
std::string summary(const connection_info& info);

}  // namespace sluice::tool
