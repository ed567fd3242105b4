// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arguments/verb.hpp"

namespace sluice::tool {

action declare_demo(declaration& app);

}  // namespace sluice::tool
