// SPDX-License-Identifier: Apache-2.0
// The one owner of a token's progress. What hangs cannot look after itself, and nobody else may come along.
#include "pkcs11/pool_state.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// How soon a thread is asked for again that the system did not have.
constexpr auto thread_retry = std::chrono::milliseconds(100);
constexpr auto handing_over = std::chrono::milliseconds(100);
constexpr std::size_t swept_at_once = 64;  // of the queue, with the lock held

}  // namespace

// With the lock held.
void token_pool::state::call_supervisor() noexcept {
  is_supervisor_called = true;
  supervisor_wakes->notify_one();
}

// Wakes one worker, and no other. With the lock held.
bool token_pool::state::call_idle() noexcept {
  if (idle.empty()) return false;
  auto* const w = idle.back();
  idle.pop_back();
  w->is_called = true;
  ++called;
  w->wakes->notify_one();
  return true;
}

// It never calls the module and never answers with the lock held, so nothing that a token or a caller does can stop it:
// whatever the others are stuck in, this loop goes on. It ends with `is_stopping`; the pool does not wait for it.
void token_pool::state::supervise() noexcept {
  lock_type lock(gate);
  supervisor_thread = world.this_thread();
  while (!is_stopping) {
    is_supervisor_called = false;
    try {
      look_around(lock);
    } catch (...) {  // out of memory
      // Where the memory ran out is not known, so neither is whether the lock was held. All is looked at again soon.
      if (!lock.owns_lock()) lock.lock();
      look_again_at = world.now() + thread_retry;
    }
    if (!is_stopping && !is_supervisor_called) supervisor_wakes->wait(lock, look_again_at);
  }
}

// Whatever gives the lock back meanwhile is followed by another look.
void token_pool::state::look_around(lock_type& lock) {
  for (bool again = true; again && !is_stopping;) {
    // The order matters. Workers that hang are replaced first, since their places are what staff() fills. Then the
    // queue is cleared of what is not to be done any more, so that no thread is started for it. Only when staff() has
    // had its chance does is_stuck() say that nobody will ever come.
    again = write_off_the_lost(lock);
    again = drop_the_late(lock) || again;
    again = drop_the_unwanted(lock) || again;
    again = replace_late_prober(lock) || again;
    limit.grow_if_due(world.now());
    again = staff(lock) || again;
    if (!queue.empty() && is_stuck()) {
      refuse_all(stuck_failure(), lock);
      again = true;
    }
  }
  look_again_at = next_concern();
}

// Workers whose call has not come back for as long as a call may take. Nobody is left to answer their work.
bool token_pool::state::write_off_the_lost(lock_type& lock) {
  const auto now = world.now();
  // A probe that hangs is counted here too. Its worker may have been replaced before, when the probe was late:
  // replace() counts it once.
  const auto hangs = [&](const worker_pointer& w) {
    return w->is_busy && !w->is_lost && now - w->began >= options.hang_timeout;
  };
  const auto count = std::ranges::count_if(workers, hangs);
  if (count == 0) return false;
  // Room first: a callback that is taken out of its worker must be answered, whatever memory there is.
  std::vector<std::function<void(result<der::bytes>)>> unanswered;
  unanswered.reserve(static_cast<std::size_t>(count));
  for (const auto& w : workers) {
    if (!hangs(w)) continue;
    w->is_lost = true;
    ++totals.written_off;
    replace(*w);
    if (w->done) unanswered.push_back(std::exchange(w->done, nullptr));
  }
  // `done` is taken before the lock is given back: a call that returns now finds it empty and answers nobody.
  totals.failures += unanswered.size();
  lock.unlock();
  for (auto& done : unanswered) answer(done, hung_failure());
  lock.lock();
  return true;
}

// `replaced` is the number of workers that are: each is counted once, until take_back() or leave().
void token_pool::state::replace(worker& w) noexcept {
  if (w.is_replaced) return;
  w.is_replaced = true;
  ++replaced;
}

// Work whose deadline passed while it waited.
bool token_pool::state::drop_the_late(lock_type& lock) {
  const auto late = queue.take_late(world.now());
  if (late.empty()) return false;
  totals.shed_late += late.size();
  lock.unlock();
  for (auto work : late) answer(work.done, late_failure());
  lock.lock();
  return true;
}

// Drops work that no caller waits for any more, when there is no room for work that is waited for.
bool token_pool::state::drop_the_unwanted(lock_type& lock) {
  // Only on request: asking each job whether it is wanted takes a lock of its caller's, and is worth it only for a full
  // queue.
  if (!std::exchange(must_sweep, false)) return false;
  // Once round the queue as it was, with the lock given back every so often: submit() runs on event loops, and must not
  // wait for as long as a full queue takes.
  for (auto left = queue.size(); left > 0; left -= std::min(left, swept_at_once)) {
    const auto unwanted = queue.take_unwanted(swept_at_once);
    totals.shed_late += unwanted.size();
    lock.unlock();
    for (auto work : unwanted) answer(work.done, late_failure());
    lock.lock();
  }
  return true;
}

// A probe that is late must not keep the next from being made.
bool token_pool::state::replace_late_prober(lock_type& lock) {
  if (!breaker.give_up_late_probe(world.now())) return false;
  if (prober) replace(*prober);
  // The late worker keeps its number: if it comes back with good news, settle_probe() takes them. With bad news it is
  // ignored.
  prober.reset();
  note_down(true);
  refuse_all(down_failure(), lock);
  return true;
}

// A worker for each piece of work that no worker is free for, and for the probe that is due.
bool token_pool::state::staff(lock_type& lock) {
  const auto now = world.now();
  // A probe comes before all work, and takes a waiting worker if there is one: that one is given its probe here, under
  // the lock, so that it cannot take a job first.
  if (breaker.is_probe_due(now)) {
    if (!idle.empty()) {
      const auto is_first = [this](const worker_pointer& w) { return w.get() == idle.back(); };
      prober = *std::ranges::find_if(workers, is_first);
      prober->probe = breaker.begin_probe(now);
      call_idle();
      return false;
    }
    return may_start() && start_worker(lock);
  }
  // Open: the queue waits for the outcome of the probe, and a second worker would only meet the same fault.
  if (!breaker.is_closed()) return false;
  // Each worker that was called, that is starting or that will be free in a moment takes one job; only what is left
  // over is worth a thread.
  while (queue.size() > called && call_idle()) continue;
  return queue.size() > called + starting + soon_free() && may_start() && start_worker(lock);
}

// A worker that hands over an answer takes the next work at once, unless its caller's code keeps it.
// The limit of time is for callers that block in their `done`: their workers must not be counted on for ever.
std::size_t token_pool::state::soon_free() const noexcept {
  return world.now() < finishing_since + handing_over ? finishing : 0;
}

// With the lock held, which is given back while the system makes the thread. A worker counts once it runs.
bool token_pool::state::start_worker(lock_type& lock) {
  const auto w = std::make_shared<worker>(*lib);
  std::function<void()> body = [self = shared_from_this(), w] { self->run(w); };
  const auto now = world.now();
  if (breaker.is_probe_due(now)) {
    w->probe = breaker.begin_probe(now);
    prober = w;
  }
  ++starting;
  lock.unlock();
  // Without the lock: making a thread takes a while. `starting` keeps its place meanwhile, so that nobody starts one
  // too many.
  const bool is_started = world.start(std::move(body));
  lock.lock();
  if (is_started) return true;
  --starting;
  start_again_at = world.now() + thread_retry;
  breaker.cancel_probe(w->probe, start_again_at);
  if (prober == w) prober.reset();
  return true;
}

// Two limits. Those that work are at most as many as there are sessions. Those that exist, the hanging ones included,
// are at most `max_written_off` more: a token that hangs for ever must not eat the threads of the process.
bool token_pool::state::may_start() const noexcept {
  const auto all = workers.size() + starting;
  return world.now() >= start_again_at && all - replaced < limit.now() && all < limit.now() + options.max_written_off;
}

// Every worker hangs, and no other may be started for them.
bool token_pool::state::is_stuck() const noexcept {
  const auto all = workers.size() + starting;
  return all > 0 && all == replaced && all >= limit.now() + options.max_written_off;
}

// The first moment at which only the supervisor can act.
// Everything that only time brings about is in here; all else comes with a call of the supervisor. What is forgotten
// here would wait until something else happens, so a new kind of deadline needs a line.
token_pool::state::time_point token_pool::state::next_concern() const {
  const auto now = world.now();
  auto first = std::min({queue.first_deadline(), limit.next_growth()});
  for (const auto& w : workers) {
    if (w->is_busy && !w->is_lost) first = std::min(first, w->began + options.hang_timeout);
  }
  if (!queue.empty() && soon_free() > 0) first = std::min(first, finishing_since + handing_over);
  const bool is_probe_due = breaker.is_probe_due(now);
  if (!is_probe_due) first = std::min(first, breaker.next_event());
  if (now < start_again_at && (is_probe_due || !queue.empty())) first = std::min(first, start_again_at);
  return first;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
