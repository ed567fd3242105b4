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

// Shared with the thread, which is detached and may outlive the service. `gate` protects all of it. References to
// drivers are dropped without `gate`, but for one that cannot be posted: the last of them closes a socket.
struct linger_service::state {
  // One driver that lingers. `kept` is set exactly while `due` is: between wake_at() and the wake-up, nothing else may
  // refer to the driver, since its stream may be destroyed. `held` is enough before and after, because the driver's
  // own waits keep it alive.
  struct entry {
    const driver* key;
    std::weak_ptr<driver> held;
    std::shared_ptr<driver> kept = {};
    time_point due = time_point::max();
    runs_on where = runs_on::executor;
  };

  void run_thread();
  void wake(std::unique_lock<std::mutex>& lock, std::shared_ptr<driver> one, runs_on where);

  mutable std::mutex gate;
  std::condition_variable changed;
  std::deque<entry> waiting;  // oldest first
  // The thread clears it under `gate` when it has found nothing to wait for: a wake_at() that comes later starts
  // another.
  bool has_thread = false;
  // The thread is in close_on_linger_thread(), without `gate`. shutdown() waits for it, because a socket must not be
  // used after its execution context has gone.
  bool is_closing_one = false;
  bool is_stopped = false;  // never cleared: from then on nothing is posted, and no thread is started
};

linger_service::linger_service(net::execution_context& owner) : service(owner), state_(std::make_shared<state>()) {}

linger_service& linger_service::of(const net::any_io_executor& executor) {
  return net::use_service<linger_service>(net::query(executor, net::execution::context));
}

// The oldest is closed and not the new one, because it has had the most time for its alert.
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
  const auto where = d->serial();
  net::post(where, [d = std::move(d)] { d->end_linger(); });
}

// Also for a driver that is not there: it may have been the oldest of too many.
void linger_service::remove(const driver& one) noexcept {
  std::shared_ptr<driver> kept;  // declared before the lock, and so destroyed after it
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

void linger_service::wake_at(const std::shared_ptr<driver>& one, time_point when, runs_on where) {
  const std::lock_guard lock(state_->gate);
  const auto at = std::ranges::find(state_->waiting, one.get(), &state::entry::key);
  if (at == state_->waiting.end() || state_->is_stopped) return;  // it was the oldest of too many, and is being closed
  if (!state_->has_thread) {
    std::thread([s = state_] { s->run_thread(); }).detach();
    state_->has_thread = true;
  }
  at->kept = one;
  at->due = when;
  at->where = where;
  state_->changed.notify_all();
}

// Ends when no driver waits for a time. The others in `waiting` are between two posted steps, on their own executors,
// and call wake_at() if they have to wait again.
void linger_service::state::run_thread() {
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
    wake(lock, std::move(next->kept), next->where);
  }
  has_thread = false;
}

// Posts under the lock: after shutdown() nothing is posted any more. What the thread closes by itself is closed without
// the lock, because it uses the socket, and the last reference to the driver may go with it.
void linger_service::state::wake(std::unique_lock<std::mutex>& lock, std::shared_ptr<driver> one, runs_on where) {
  if (where == runs_on::executor) {
    const auto serial = one->serial();
    try {
      return net::post(serial, [d = std::move(one)] { d->resume_linger(); });
    } catch (...) {
      return;  // there is no memory to post with: the socket is closed without an alert
    }
  }
  std::erase_if(waiting, [&one](const entry& e) { return e.key == one.get(); });
  is_closing_one = true;
  lock.unlock();
  one->close_on_linger_thread();
  one.reset();
  lock.lock();
  is_closing_one = false;
  changed.notify_all();
}

// By the execution context's destructor, while its sockets can still be closed.
void linger_service::shutdown() {
  std::deque<state::entry> dropped;  // declared before the lock: drivers are destroyed after it
  std::unique_lock lock(state_->gate);
  state_->is_stopped = true;
  state_->changed.notify_all();
  state_->changed.wait(lock, [this] { return !state_->is_closing_one; });
  dropped.swap(state_->waiting);
  lock.unlock();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
