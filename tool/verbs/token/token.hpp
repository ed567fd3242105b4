// SPDX-License-Identifier: Apache-2.0
// The verbs below `token`. To add one: a file token_NAME.cpp, its declaration here, a row in token.cpp.
#pragma once

#include "arguments/verb.hpp"

namespace sluice::tool {

action declare_token(declaration& app);

action declare_token_list(declaration& app);
action declare_token_show(declaration& app);
action declare_token_keygen(declaration& app);
action declare_token_csr(declaration& app);
action declare_token_import(declaration& app);
action declare_token_sign(declaration& app);
action declare_token_bench(declaration& app);
action declare_token_doctor(declaration& app);
action declare_token_watch(declaration& app);

}  // namespace sluice::tool
