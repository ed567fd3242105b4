// SPDX-License-Identifier: Apache-2.0
// What a worker stuck in a token may still touch while the process ends: never destroyed.
#pragma once

#include <memory>

namespace sluice::inline v0::pkcs11 {

template <class T>
T& immortal() {
  return *std::make_unique<T>().release();
}

}  // namespace sluice::inline v0::pkcs11
