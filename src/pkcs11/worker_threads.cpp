// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/worker_threads.hpp"

#include "pkcs11/immortal.hpp"

#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::inline v0::pkcs11::worker_threads {
namespace {

struct threads {
  std::mutex gate;
  std::map<std::thread::id, std::thread> running;
  std::vector<std::thread> ended;  // nothing of ours is left to run on them
  std::size_t leaving = 0;         // of those running
};

threads& all() {
  static auto& one = immortal<threads>();
  return one;
}

thread_local bool is_leaving = false;

void end() {
  auto& t = all();
  std::vector<std::thread> others;
  {
    const std::lock_guard lock(t.gate);
    others = std::exchange(t.ended, {});
    auto self = t.running.extract(std::this_thread::get_id());
    t.ended.push_back(std::move(self.mapped()));
    if (is_leaving) --t.leaving;
  }
  for (auto& one : others) one.join();
}

timespec on_the_wall(std::chrono::steady_clock::time_point end) {
  using namespace std::chrono;
  const auto left = std::max(end - steady_clock::now(), steady_clock::duration::zero());
  const auto at = (system_clock::now() + duration_cast<system_clock::duration>(left)).time_since_epoch();
  const auto whole = duration_cast<seconds>(at);
  return {.tv_sec = whole.count(), .tv_nsec = duration_cast<nanoseconds>(at - whole).count()};
}

}  // namespace

void start(std::function<void()> body) {
  auto& t = all();
  const std::lock_guard lock(t.gate);
  std::thread made([body = std::move(body)]() mutable {
    body();
    body = nullptr;  // what it owns goes before it counts as ended
    end();
  });
  const auto id = made.get_id();
  t.running.emplace(id, std::move(made));
}

void leaving() noexcept {
  auto& t = all();
  const std::lock_guard lock(t.gate);
  if (!std::exchange(is_leaving, true)) ++t.leaving;
}

void wait_for_leaving(std::chrono::steady_clock::time_point end) noexcept {
  auto& t = all();
  std::unique_lock lock(t.gate);
  while (t.leaving > 0 && std::chrono::steady_clock::now() < end) {
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    lock.lock();
  }
  const auto until = on_the_wall(end);
  static auto& joined = immortal<std::vector<std::thread>>();  // by the bounded call, which std::thread does not know
  joined = std::exchange(t.ended, {});
  // Bounded, since in a forked child these threads do not exist.
  for (auto& one : joined) ::pthread_timedjoin_np(one.native_handle(), nullptr, &until);
}

}  // namespace sluice::inline v0::pkcs11::worker_threads
