// SPDX-License-Identifier: Apache-2.0
// A lock that may be held while its owner waits: a thread waits for it through the runtime, as for everything.
#pragma once

#include "pkcs11/runtime.hpp"

#include <memory>
#include <mutex>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// `gate_` is held for a moment only, never while somebody owns the lock; so taking it needs no runtime.
class runtime_mutex {
 public:
  explicit runtime_mutex(runtime& world) : is_free_(world.make_event()) {}
  void lock() {
    std::unique_lock waiting(gate_);
    while (std::exchange(is_held_, true)) is_free_->wait(waiting, runtime::never);
  }
  bool try_lock() {
    const std::lock_guard looking(gate_);
    return !std::exchange(is_held_, true);
  }
  void unlock() noexcept {
    const std::lock_guard leaving(gate_);
    is_held_ = false;
    is_free_->notify_one();
  }

 private:
  std::mutex gate_;
  bool is_held_ = false;
  const std::unique_ptr<runtime::event> is_free_;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
