// SPDX-License-Identifier: Apache-2.0
// What a worker stuck in a token may still touch while the process ends: never destroyed.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

template <class T>
T& immortal() {
  return *std::make_unique<T>().release();
}

// The one of this process. A forked child begins with one of its own: what it inherits is about threads that it does
// not have, and may be locked by one of them.
template <class T>
T& of_this_process() {
  struct kept {
    explicit kept(kept* before) : inherited(before) {}
    kept* const inherited;  // so that leak checkers find it
    const pid_t owner = ::getpid();
    T value{};
  };
  // Lock-free, because a child that was forked while another thread was here must get past it. Two threads may both
  // make one; the second is thrown away before anybody has seen it.
  static std::atomic<kept*> current = nullptr;
  auto* seen = current.load();
  if (seen != nullptr && seen->owner == ::getpid()) return seen->value;
  auto made = std::make_unique<kept>(seen);
  if (current.compare_exchange_strong(seen, made.get())) return made.release()->value;
  return seen->value;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
