// SPDX-License-Identifier: Apache-2.0
// One worker: what to do next, the one call that blocks, and what came of it.
#include "core/base/wipe.hpp"
#include "pkcs11/pool_state.hpp"

#include <string.h>

#include <algorithm>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// Nothing that is thrown below leaves the thread.
void token_pool::state::run(const worker_pointer& w) noexcept {
  if (!enter(w)) return;
  for (bool is_leaving = false; !is_leaving;) {
    // Set until the step is done: whatever it threw, the loop waits a little and asks next() again, which resets the
    // worker.
    bool is_short = true;
    try {
      auto t = next(w);
      switch (t.what) {
        case task::kind::job: perform_job(w, std::move(*t.work)); break;
        case task::kind::probe: perform_probe(w, t); break;
        case task::kind::leave: is_leaving = true; break;
      }
      is_short = false;
    } catch (...) {  // out of memory between the calls
    }
    if (is_short) world.sleep_until(world.now() + std::chrono::milliseconds(10));
  }
  leave(w);
}

// From here on the worker counts among `workers`, not among `starting`; both change under one lock, so the sum that
// may_start() looks at never dips. `idle` gets room for it now, because wait_idle() must not need memory.
bool token_pool::state::enter(const worker_pointer& w) noexcept {
  const std::lock_guard lock(gate);
  --starting;
  w->thread = world.this_thread();
  try {
    idle.reserve(workers.size() + 1);
    workers.push_back(w);
  } catch (...) {
    breaker.cancel_probe(w->probe, world.now());
    if (prober == w) prober.reset();
    return false;
  }
  return true;
}

void token_pool::state::leave(const worker_pointer& w) noexcept {
  try {
    const auto working = lib->working();
    drop_session(*w);
  } catch (...) {
    // Out of memory: the session ends with the login.
  }
  const std::lock_guard lock(gate);
  if (w->is_replaced) --replaced;
  std::erase(workers, w);
  somebody_left->notify_all();
  if (!is_stopping) call_supervisor();
}

// Asked between two calls into the module, with nothing in hand. In order: leave, if the pool ends, or if there are too
// many workers and this one was not given a probe, which nobody else would settle; a probe that is due; work, while the
// circuit is closed; else wait.
token_pool::state::task token_pool::state::next(const worker_pointer& w) {
  lock_type lock(gate);
  w->is_busy = false;
  if (std::exchange(w->is_finishing, false)) --finishing;
  for (;;) {
    if (is_stopping || (w->probe == 0 && (w->must_leave || is_surplus(*w)))) return {};
    if (w->probe == 0 && breaker.is_probe_due(world.now())) {
      w->probe = breaker.begin_probe(world.now());
      prober = w;
      call_supervisor();  // so that it sees when the probe is late
    }
    if (w->probe != 0) return next_probe(w);
    if (breaker.is_closed() && !queue.empty()) {
      if (auto t = next_job(*w, lock)) return std::move(*t);
      continue;
    }
    wait_idle(*w, lock);
  }
}

// A wait may end without a reason, so the worker takes itself out of `idle`, whether or not somebody has called it; the
// loop of next() then looks at everything again.
void token_pool::state::wait_idle(worker& w, lock_type& lock) {
  idle.push_back(&w);
  w.wakes->wait(lock, runtime::never);
  std::erase(idle, &w);
  if (std::exchange(w.is_called, false)) --called;
}

// The first in the queue; nothing if that has been dropped instead.
std::optional<token_pool::state::task> token_pool::state::next_job(worker& w, lock_type& lock) {
  const auto now = world.now();
  auto work = queue.pop_front();
  const bool is_late = now >= work->deadline;
  if (is_late || (work->is_wanted && !work->is_wanted())) {
    ++totals.shed_late;
    lock.unlock();
    answer(work->done, late_failure());
    lock.lock();
    return std::nullopt;
  }
  w.is_busy = true;
  w.began = now;
  // The answer moves to the worker, where the supervisor finds it if the call hangs; the rest of the job stays on this
  // thread. `began` is what the supervisor measures the call by, so it must know of a new, earlier moment.
  w.done = std::exchange(work->done, nullptr);
  totals.waited += now - work->queued_at;
  if (now + options.hang_timeout < look_again_at) call_supervisor();
  return task{.what = task::kind::job, .work = std::move(work)};
}

// More live workers than sessions are to be had: those that have none go first.
bool token_pool::state::is_surplus(const worker& w) const {
  if (workers.size() - replaced <= limit.now()) return false;
  return !w.has_session || open_sessions() > limit.now();
}

std::size_t token_pool::state::open_sessions() const {
  return static_cast<std::size_t>(std::ranges::count_if(workers, [](const auto& w) { return w->has_session; }));
}

// The one step without the lock that may take any time. Whatever it throws becomes an outcome: the job has to be
// settled in any case, or its caller would wait until the deadline.
void token_pool::state::perform_job(const worker_pointer& w, job work) {
  const auto began = world.now();
  outcome what{make_failure(errc::key_unavailable, work.key->name), stage::work};
  try {
    // Held for the whole ladder, not for each call: C_Finalize must not come between the handles and their use.
    const auto working = lib->working();
    what = attempt(*w, {work.key, work.what, work.work});
  } catch (const std::exception& e) {
    what.made = shed(errc::key_unavailable, std::string("an exception ended the work: ") + e.what());
  } catch (...) {
    what.made = shed(errc::key_unavailable, "an exception ended the work");
  }
  // Failures are not paced: they are rare, and their callers have waited already.
  if (what.is_answered()) await_turn(world.now() - began);
  settle(*w, std::move(work), std::move(what));
}

void token_pool::state::await_turn(runtime::duration took) {
  lock_type lock(gate);
  const auto now = world.now();
  const auto at_work =
      static_cast<std::size_t>(std::ranges::count_if(workers, [](const auto& w) { return w->is_busy; }));
  const auto turn = answers.turn(now, took, at_work);
  lock.unlock();
  if (turn > now) world.sleep_until(turn);
}

// A worker that hung, or probed for too long, is one of the workers again; if there is another in its place, one of
// them leaves.
void token_pool::state::take_back(worker& w) noexcept {
  if (std::exchange(w.is_replaced, false)) --replaced;
  w.is_lost = false;
  w.is_busy = false;
}

// What came of a job: the figures, the circuit, and whether it is tried again, are all decided under one lock; the
// answer is given after it, as the last thing. A job that the supervisor has answered has no `done` any more: its
// outcome still counts for the circuit, since it says something about the token now.
void token_pool::state::settle(worker& w, job work, outcome what) {
  std::function<void(result<der::bytes>)> done;
  {
    const std::lock_guard lock(gate);
    take_back(w);
    w.has_session = w.s.is_open();
    totals.served += world.now() - w.began;
    done = std::exchange(w.done, nullptr);
    bool again = false;
    if (what.is_answered()) {
      if (done) ++totals.operations;
      const sample now{work.key, work.what, work.work};
      breaker.note_success(now.kind());
      if (work.what >= 0 && good.kind() != now.kind()) good = now;
    } else {
      again = settle_failure(w, work, what) && done;
      if (done && !again) ++totals.failures;
    }
    if (again) {
      // To the front, because it has waited once. A job that only missed a session has not failed, so its one retry is
      // left.
      work.done = std::exchange(done, nullptr);
      work.was_retried = work.was_retried || !w.must_leave;
      queue.push_front(std::move(work));
      if (w.must_leave) call_supervisor();
      return;
    }
    w.is_finishing = true;
    ++finishing;
    finishing_since = world.now();
  }
  if (done) return answer(done, std::move(what.made));
  if (what.made) internal::wipe(*what.made);  // nobody waits for it
}

// Whether the work is to be tried once more. With the lock held.
bool token_pool::state::settle_failure(worker& w, const job& work, const outcome& what) {
  const auto now = world.now();
  const auto& error = what.made.error();
  const sample of{work.key, work.what, work.work};
  // Only a CKR can say that the token has gone. The cases, in order: no further session is to be had, which is no fault
  // as long as there is one; the request's own fault, which says nothing about the token; a fault of the token, which
  // may open the circuit. A job that opened it, or failed after it opened, goes back into the queue once and waits for
  // the probe.
  const bool is_ckr = error.code.category() == pkcs11_category();
  const auto rv = is_ckr ? static_cast<CK_RV>(error.code.value()) : CKR_OK;
  if (rv == CKR_SESSION_COUNT && what.at == stage::session && open_sessions() > 0) {
    limit.refused(open_sessions(), now);  // make do with those there are
    w.must_leave = true;
    return !is_stopping;
  }
  if (is_request_s_own(what, of)) return false;
  if (breaker.note_failure(of.kind(), is_token_down(rv), now)) {
    ++totals.circuit_opened;
    failed = of;
    last_error = error;
    why_not_reinitialized.clear();
  }
  if (breaker.is_closed()) return false;
  return !work.was_retried && !breaker.is_down() && now < work.deadline && !is_stopping;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
