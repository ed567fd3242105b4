// SPDX-License-Identifier: Apache-2.0
// Settings that remove the protection of TLS, in a header and a namespace of their own.
#pragma once

#include "sluice/context.hpp"

namespace sluice {
inline namespace v0 {
namespace dangerous {

// Accepts any certificate of any server: no chain, name, date or purpose is checked, and an attacker on the path can
// read and alter all data. It is for tests against servers without a proper certificate. A context that is made with it
// reports that once: to its observer, or on stderr if it has none.
verification accept_any_certificate() noexcept;

}  // namespace dangerous
}  // namespace v0
}  // namespace sluice
