// SPDX-License-Identifier: Apache-2.0
// What the system lets this process have.
#pragma once

namespace sluice::tool {

// As many descriptors as the hard limit allows; the soft one is for programs that still use select().
void raise_descriptor_limit() noexcept;

}  // namespace sluice::tool
