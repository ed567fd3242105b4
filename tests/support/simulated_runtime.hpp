// SPDX-License-Identifier: Apache-2.0
// Threads and a clock for a pool that runs whole on the test's one thread: each thread is a stack of its own, who is
// ready goes on in an order that a seed chooses, and the clock jumps when everybody waits. Whoever blocks must do so
// through the runtime; a lock of the system may be held only where nothing blocks.
#pragma once

#include "pkcs11/runtime.hpp"

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <random>
#include <vector>

namespace sluice::test {

class simulated_runtime final : public pkcs11::runtime {
 public:
  explicit simulated_runtime(std::uint32_t seed);
  ~simulated_runtime() override;

  time_point now() const noexcept override { return now_; }
  void sleep_until(time_point when) override;
  bool start(std::function<void()> body) noexcept override;
  std::unique_ptr<event> make_event() override;
  const void* this_thread() const noexcept override;
  std::uint32_t seed() override { return static_cast<std::uint32_t>(random_()); }

  void sleep_for(duration time) { sleep_until(now_ + time); }
  // Lets the others go on until it is true, and at most so long; asked after each of their steps.
  bool run_until(const std::function<bool()>& is_true, duration at_most);

  // Ends the wait of each thread that waits for an event, without a notification, as condition variables may.
  void wake_for_no_reason();

  bool refuses_threads = false;
  std::size_t threads() const noexcept { return alive_; }      // those that were started and have not ended
  std::size_t wake_ups() const noexcept { return wake_ups_; }  // of waiting threads, by a notification
  std::minstd_rand& random() noexcept { return random_; }

 private:
  friend class simulated_event;
  struct thread;
  static void begin();
  void block(time_point until);  // the running thread, until then or until somebody makes it ready
  void go_on();
  void switch_to(thread& next);
  void make_ready(thread& one);
  void end_of_thread();

  time_point now_{std::chrono::hours(1)};
  std::minstd_rand random_;
  std::list<std::unique_ptr<thread>> all_;
  std::vector<thread*> ready_;
  thread* main_ = nullptr;
  thread* running_ = nullptr;
  std::size_t alive_ = 0;
  std::size_t wake_ups_ = 0;
  const std::function<bool()>* main_waits_for_ = nullptr;
};

}  // namespace sluice::test
