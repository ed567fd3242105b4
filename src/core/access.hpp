// SPDX-License-Identifier: Apache-2.0
// The library's way to what its public classes keep to themselves.
#pragma once

#include "sluice/context.hpp"
#include "sluice/identity.hpp"

#include <memory>

namespace sluice {
inline namespace v0 {
namespace internal {

// Null for an object that was moved from.
struct access {
  static const std::shared_ptr<const context::state>& state(const context& of) noexcept { return of.state_; }
  static const std::shared_ptr<const identity::state>& state(const identity& of) noexcept { return of.state_; }
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
