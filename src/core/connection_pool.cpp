// SPDX-License-Identifier: Apache-2.0
#include "core/connection_pool.hpp"

#include <utility>

namespace sluice {
inline namespace v0 {
namespace internal {

connection_handle connection_pool::take() noexcept {
  const std::unique_lock lock(gate_, std::try_to_lock);
  return lock && count_ > 0 ? std::move(kept_[--count_]) : nullptr;
}

// Wiping is work, and not done under the lock; nor for one that has no place.
void connection_pool::give(connection_handle used) noexcept {
  const auto has_room = [this](const auto& lock) { return lock && count_ < max_kept; };
  if (!has_room(std::unique_lock(gate_, std::try_to_lock)) || s2n_connection_wipe(used.get()) != S2N_SUCCESS) return;
  const std::unique_lock lock(gate_, std::try_to_lock);
  if (has_room(lock)) kept_[count_++] = std::move(used);
}

std::size_t connection_pool::size() noexcept {
  const std::lock_guard lock(gate_);
  return count_;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
