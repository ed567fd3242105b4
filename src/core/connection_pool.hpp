// SPDX-License-Identifier: Apache-2.0
// Connections of s2n that were wiped, for the next ones with the same configuration.
#pragma once

#include "core/base/handles.hpp"

#include <array>
#include <cstddef>
#include <mutex>

namespace sluice {
inline namespace v0 {
namespace internal {

// Making one takes twice as long as wiping one. A wiped connection of s2n keeps its configuration and points into its
// trust store, and s2n_connection_set_config() has no effect where the address is the same: so a pool belongs to one
// configuration, and is destroyed before it. Any thread; one that finds another in the pool does without.
class connection_pool {
 public:
  static constexpr std::size_t max_kept = 64;  // of about 13 KiB each

  connection_pool() = default;
  connection_pool(const connection_pool&) = delete;
  connection_pool& operator=(const connection_pool&) = delete;

  connection_handle take() noexcept;           // null if there is none
  void give(connection_handle used) noexcept;  // wipes it; it must have this pool's configuration
  std::size_t size() noexcept;

 private:
  std::mutex gate_;
  std::array<connection_handle, max_kept> kept_;  // the first count_ of them
  std::size_t count_ = 0;
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
