// SPDX-License-Identifier: Apache-2.0
#include "asio/linger.hpp"

#include "asio/driver.hpp"
#include "sluice/library.hpp"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace detail {

using clock_type = std::chrono::steady_clock;

// Shared with the thread, which may see the service go.
struct linger_service::state {
  struct entry {
    const driver* key;
    std::weak_ptr<driver> held;
    std::shared_ptr<driver> kept = {};  // while it sleeps
    time_point due = time_point::max();
    bool is_alone = false;
  };

  void sleep();
  void wake(std::unique_lock<std::mutex>& lock, std::shared_ptr<driver> one, bool alone);

  mutable std::mutex gate;
  std::condition_variable changed;
  std::deque<entry> waiting;  // oldest first
  bool has_thread = false;
  bool is_ending_one = false;  // the thread is in end_alone()
  bool is_stopped = false;
};

linger_service::linger_service(net::execution_context& owner) : service(owner), state_(std::make_shared<state>()) {}

linger_service& linger_service::of(const net::any_io_executor& executor) {
  return net::use_service<linger_service>(net::query(executor, net::execution::context));
}

void linger_service::add(const std::shared_ptr<driver>& one) {
  state::entry oldest{};
  {
    const std::lock_guard lock(state_->gate);
    state_->waiting.push_back({one.get(), one});
    if (state_->waiting.size() <= most) return;
    oldest = std::move(state_->waiting.front());
    state_->waiting.pop_front();
  }
  auto d = oldest.held.lock();
  if (!d) return;
  const auto where = d->serial_;
  net::post(where, [d = std::move(d)] { d->end_linger(); });
}

void linger_service::remove(const driver& one) noexcept {
  std::shared_ptr<driver> kept;  // outlives the lock
  const std::lock_guard lock(state_->gate);
  const auto at = std::ranges::find(state_->waiting, &one, &state::entry::key);
  if (at == state_->waiting.end()) return;
  kept = std::move(at->kept);
  state_->waiting.erase(at);
}

std::size_t linger_service::size() const {
  const std::lock_guard lock(state_->gate);
  return state_->waiting.size();
}

void linger_service::wake_at(const std::shared_ptr<driver>& one, time_point when, bool alone) {
  const std::lock_guard lock(state_->gate);
  const auto at = std::ranges::find(state_->waiting, one.get(), &state::entry::key);
  if (at == state_->waiting.end() || state_->is_stopped) return;  // the oldest of too many: it is being closed
  if (!state_->has_thread) {
    std::thread([s = state_] { s->sleep(); }).detach();
    state_->has_thread = true;
  }
  at->kept = one;
  at->due = when;
  at->is_alone = alone;
  state_->changed.notify_all();
}

void linger_service::state::sleep() {
  const tls_library::thread_scope ours;
  std::unique_lock lock(gate);
  for (;;) {
    const auto next = std::ranges::min_element(waiting, {}, &entry::due);
    if (is_stopped || next == waiting.end() || next->due == time_point::max()) break;
    if (const auto due = next->due; clock_type::now() < due) {
      changed.wait_until(lock, due);
      continue;
    }
    next->due = time_point::max();
    wake(lock, std::move(next->kept), next->is_alone);
  }
  has_thread = false;
}

// Posting under the lock: after shutdown() nothing is posted any more.
void linger_service::state::wake(std::unique_lock<std::mutex>& lock, std::shared_ptr<driver> one, bool alone) {
  if (!alone) {
    const auto where = one->serial_;
    try {
      return net::post(where, [d = std::move(one)] { d->linger_step(); });
    } catch (...) {
      return;  // no memory to post with: it is closed untold
    }
  }
  std::erase_if(waiting, [&one](const entry& e) { return e.key == one.get(); });
  is_ending_one = true;
  lock.unlock();
  one->end_alone();
  one.reset();
  lock.lock();
  is_ending_one = false;
  changed.notify_all();
}

void linger_service::shutdown() {
  std::deque<state::entry> dropped;  // outlives the lock: sockets close with their context
  std::unique_lock lock(state_->gate);
  state_->is_stopped = true;
  state_->changed.notify_all();
  state_->changed.wait(lock, [this] { return !state_->is_ending_one; });
  dropped.swap(state_->waiting);
  lock.unlock();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
