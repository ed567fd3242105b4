// SPDX-License-Identifier: Apache-2.0
// What a pool takes from outside: the time, threads, and waiting. Tests give it a clock and threads of their own, all
// on one thread of the system, so that hours of a token's faults take milliseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// All that waits goes through it, locks that are held during a call included (runtime_mutex): a simulated run has one
// thread that runs at a time, and stands still where somebody waits for anything else.
class runtime {
 public:
  using clock_type = std::chrono::steady_clock;
  using time_point = clock_type::time_point;
  using duration = clock_type::duration;
  static constexpr time_point never = time_point::max();

  // Like a condition variable: a wait gives the lock back meanwhile, and may end without a reason.
  class event {
   public:
    virtual ~event() = default;
    virtual void wait(std::unique_lock<std::mutex>& lock, time_point until) = 0;
    virtual void notify_one() noexcept = 0;
    virtual void notify_all() noexcept = 0;
  };

  virtual ~runtime() = default;
  virtual time_point now() const noexcept = 0;
  virtual void sleep_until(time_point when) = 0;
  // Runs `body` on a thread that need not be joined. False: no thread can be had, and nothing has happened.
  virtual bool start(std::function<void()> body) noexcept = 0;
  virtual std::unique_ptr<event> make_event() = 0;
  virtual const void* this_thread() const noexcept = 0;  // differs between threads that live at the same time
  virtual std::uint32_t seed() = 0;                      // of what is left to chance

  // The system's clock and threads.
  static runtime& system();
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
