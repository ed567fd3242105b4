// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/worker_threads.hpp"

#include "pkcs11/immortal.hpp"

#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <list>
#include <mutex>
#include <thread>

namespace sluice {
inline namespace v0 {
namespace pkcs11::worker_threads {
namespace {

// Moved from list to list, never made anew: what happens as a thread ends must not need memory.
// A thread is in `running` from start() until end(), its last act, and then in `ended` until somebody joins it. Whoever
// joins takes the list first and joins without the lock: a thread in `ended` takes it no more.
struct threads {
  std::mutex gate;
  std::list<std::thread> running;
  std::list<std::thread> ended;       // nothing of ours is left to run on them
  std::list<std::thread> waited_for;  // ended, and joined by a call that std::thread does not know of
  std::size_t parked = 0;             // of those running
  bool is_over = false;               // the process has waited as long as it does
};

threads& all() { return of_this_process<threads>(); }

// On the thread itself, last of all.
void end(std::list<std::thread>::iterator self) noexcept {
  // Threads that end join those that ended before, so that a process which only ever makes and loses workers keeps one
  // unjoined thread, not all of them.
  join_ended();  // so that only the last to end stays, for the next one
  auto& t = all();
  const std::lock_guard lock(t.gate);
  if (t.is_over) {
    self->detach();
    t.running.erase(self);
  } else {
    t.ended.splice(t.ended.end(), t.running, self);
  }
}

timespec on_the_wall(std::chrono::steady_clock::time_point end) {
  using namespace std::chrono;
  const auto left = std::max(end - steady_clock::now(), steady_clock::duration::zero());
  const auto at = (system_clock::now() + duration_cast<system_clock::duration>(left)).time_since_epoch();
  const auto whole = duration_cast<seconds>(at);
  return {.tv_sec = whole.count(), .tv_nsec = duration_cast<nanoseconds>(at - whole).count()};
}

}  // namespace

bool start(std::function<void()> body) noexcept {
  auto& t = all();
  const std::lock_guard lock(t.gate);
  try {
    const auto self = t.running.emplace(t.running.end());
    try {
      *self = std::thread([self, body = std::move(body)]() mutable {
        body();
        body = nullptr;  // what it owns goes before it counts as ended
        end(self);
      });
    } catch (...) {
      t.running.erase(self);
      return false;
    }
  } catch (...) {
    return false;
  }
  return true;
}

parked::parked() noexcept {
  auto& t = all();
  const std::lock_guard lock(t.gate);
  ++t.parked;
}

parked::~parked() {
  auto& t = all();
  const std::lock_guard lock(t.gate);
  --t.parked;
}

void join_ended() noexcept {
  auto& t = all();
  std::list<std::thread> ended;
  {
    const std::lock_guard lock(t.gate);
    ended.swap(t.ended);
  }
  for (auto& one : ended) one.join();
}

void wait_for_busy(std::chrono::steady_clock::time_point end) noexcept {
  auto& t = all();
  std::unique_lock lock(t.gate);
  while (t.running.size() > t.parked && std::chrono::steady_clock::now() < end) {
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    lock.lock();
  }
  // From now on a thread that ends is detached: nobody will join it.
  t.is_over = true;
  const auto until = on_the_wall(end);
  for (auto& one : t.ended) ::pthread_timedjoin_np(one.native_handle(), nullptr, &until);
  t.waited_for.splice(t.waited_for.end(), t.ended);
}

}  // namespace pkcs11::worker_threads
}  // namespace v0
}  // namespace sluice
