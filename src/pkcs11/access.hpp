// SPDX-License-Identifier: Apache-2.0
// The library's way to what its public classes keep to themselves.
#pragma once

#include "sluice/pkcs11/key.hpp"
#include "sluice/pkcs11/module.hpp"

#include <memory>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// A friend of the public classes, so that their headers show no PKCS#11 type, and no function that is for the library
// alone.
struct access {
  static const std::shared_ptr<key::state>& state(const key& of) noexcept { return of.state_; }
  static const std::shared_ptr<library>& loaded(const module& of) noexcept { return of.library_; }
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
