// SPDX-License-Identifier: Apache-2.0
// What you should not do, spelled long.
#pragma once

#include "sluice/context.hpp"

namespace sluice::inline v0::dangerous {

// Accept any certificate from any server: no chain, name, date or purpose is checked, and anyone on the path can
// read and alter everything. For tests against servers without a certificate worth the name. A context made with
// it says so once: to its observer, or to stderr when it has none.
verification accept_any_certificate() noexcept;

}  // namespace sluice::inline v0::dangerous
