// SPDX-License-Identifier: Apache-2.0
// A thread that looks when something is due: a worker whose call hangs cannot, and nobody else may come along.
#include "pkcs11/pool_state.hpp"
#include "pkcs11/worker_threads.hpp"

#include "sluice/library.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::inline v0::pkcs11 {
namespace {

// A call is lost when it is this long past its deadline: the deadline itself may just have been met.
constexpr auto lost_after = std::chrono::milliseconds(100);

// Takes those out of the queue that may not stay; the others keep their order.
template <class Predicate>
std::vector<job> take_out(std::deque<job>& queue, Predicate may_stay) {
  const auto first = std::stable_partition(queue.begin(), queue.end(), may_stay);
  std::vector<job> taken(std::make_move_iterator(first), std::make_move_iterator(queue.end()));
  queue.erase(first, queue.end());
  return taken;
}

}  // namespace

// Something will be due then. With the lock held.
void token_pool::state::look_after(clock_type::time_point when) {
  if (!has_supervisor) {
    has_supervisor = true;
    worker_threads::start([self = shared_from_this()] { self->supervise(); });
  } else if (when < look_again_at) {
    look_again_at = when;
    supervisor_wakes.notify_one();
  }
}

void token_pool::state::supervise() {
  const sluice::library::thread_scope scope;
  my_pool = this;
  std::unique_lock lock(gate);
  while (!is_stopping) {
    write_off_the_lost();
    shed_the_late(lock);
    if (!queue.empty()) start_worker_if_needed();  // in the place of one that was written off
    if (!queue.empty() && nobody_is_left()) flush_queue(stuck_failure(), lock);
    look_again_at = next_concern();
    const worker_threads::parked waiting;
    if (is_stopping) break;
    if (look_again_at == clock_type::time_point::max()) {
      supervisor_wakes.wait(lock);
    } else {
      supervisor_wakes.wait_until(lock, look_again_at);
    }
  }
}

// The first moment at which a call is lost or work is late. With the lock held.
token_pool::state::clock_type::time_point token_pool::state::next_concern() const {
  auto first = clock_type::time_point::max();
  for (const auto& w : workers) {
    const bool can_be_lost = w->is_busy && !w->is_written_off && w->due < clock_type::time_point::max() - lost_after;
    if (can_be_lost) first = std::min(first, w->due + lost_after + std::chrono::milliseconds(1));
  }
  for (const auto& work : queue) first = std::min(first, work.deadline);
  return first;
}

// Workers whose call did not come back by its deadline. With the lock held.
void token_pool::state::write_off_the_lost() {
  const auto now = clock_type::now();
  for (const auto& w : workers) {
    const bool is_lost = w->is_busy && !w->is_written_off && now - lost_after > w->due;
    if (!is_lost) continue;
    w->is_written_off = true;
    ++totals.written_off;
  }
}

// Work whose deadline passed while it waited. Answered without the lock.
void token_pool::state::shed_the_late(std::unique_lock<std::mutex>& lock) {
  const auto is_in_time = [now = clock_type::now()](const job& work) { return now < work.deadline; };
  if (std::ranges::all_of(queue, is_in_time)) return;
  auto late = take_out(queue, is_in_time);
  totals.shed_late += late.size();
  lock.unlock();
  for (auto& work : late) work.done(late_failure());
  late.clear();
  lock.lock();
}

// Work that nobody waits for any more: room for what somebody does. With the lock held; to be answered without it.
std::vector<job> token_pool::state::take_unwanted() {
  auto unwanted = take_out(queue, [](const job& work) { return !work.is_wanted || work.is_wanted(); });
  totals.shed_late += unwanted.size();
  return unwanted;
}

bool token_pool::state::nobody_is_left() const {
  return std::ranges::all_of(workers, [](const auto& w) { return w->is_written_off; });
}

failure token_pool::state::stuck_failure() const {
  return shed(errc::token_down, "every worker is stuck in a call that does not return",
              "restart what the token depends on; then this program");
}

failure token_pool::state::late_failure() const {
  return shed(errc::key_timed_out, "its turn came after its deadline", "use more sessions, or a faster token");
}

}  // namespace sluice::inline v0::pkcs11
