// SPDX-License-Identifier: Apache-2.0
// One thread at a time inside a driver: our own steps wait for each other, a second caller is refused.
#pragma once

#include <atomic>
#include <thread>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

// A stream belongs to one strand, and its steps mostly run there; those with a deadline run on a strand of the
// driver's, and destruction runs wherever the program destroys. This keeps them apart, for one exchange of an atomic
// where nobody else is inside. It also makes a broken rule visible: two callers at once are two threads.
class turn_gate {
 public:
  enum kind : int { nobody, call, step };

  // False when this thread is inside already; for a call also when another call is.
  bool enter(kind what) noexcept {
    int found = nobody;
    while (!inside_.compare_exchange_weak(found, what, std::memory_order_acquire, std::memory_order_relaxed)) {
      if (found != nobody) {
        if (who_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return false;
        if (found == call && what == call) return false;
        inside_.wait(found, std::memory_order_relaxed);
      }
      found = nobody;
    }
    who_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    return true;
  }
  void leave() noexcept {
    who_.store({}, std::memory_order_relaxed);
    inside_.store(nobody, std::memory_order_release);
    inside_.notify_one();
  }

 private:
  std::atomic<int> inside_ = nobody;
  std::atomic<std::thread::id> who_;
};

// A stay inside. What calls a user's handler leaves first: the handler may begin the next operation, or destroy
// the stream.
class turn {
 public:
  turn(turn_gate& gate, turn_gate::kind what) noexcept : gate_(gate.enter(what) ? &gate : nullptr) {}
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  ~turn() { leave(); }

  explicit operator bool() const noexcept { return gate_ != nullptr; }
  void leave() noexcept {
    if (gate_ != nullptr) std::exchange(gate_, nullptr)->leave();
  }

 private:
  turn_gate* gate_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
