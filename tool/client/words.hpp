// SPDX-License-Identifier: Apache-2.0
// The verdict on a connection, in words.
#pragma once

#include "client/report.hpp"
#include "terminal/screen.hpp"

namespace sluice::tool {

// One line: what, why, and the next thing to do.
std::string verdict_line(const connection_report& report, const screen& to);
// The same with something added; a good verdict with a doubt in it is a warning.
std::string verdict_line(const connection_report& report, const screen& to, const std::string& more, bool is_doubted);
// "TLSv1.3  TLS_AES_128_GCM_SHA256  X25519MLKEM768 (post-quantum)"
std::string summary(const connection_info& info);

}  // namespace sluice::tool
