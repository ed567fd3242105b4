// SPDX-License-Identifier: Apache-2.0
// The verbs below `token`. To add one: a file token_NAME.cpp, its declaration here, a row in token.cpp.
#pragma once

#include "arguments/verb.hpp"

namespace sluice::tool {

action declare_token(CLI::App& app);

action declare_token_list(CLI::App& app);
action declare_token_show(CLI::App& app);
action declare_token_keygen(CLI::App& app);
action declare_token_csr(CLI::App& app);
action declare_token_import(CLI::App& app);
action declare_token_sign(CLI::App& app);
action declare_token_bench(CLI::App& app);
action declare_token_doctor(CLI::App& app);
action declare_token_watch(CLI::App& app);

}  // namespace sluice::tool
