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

bool token_pool::state::enter(const worker_pointer& w) noexcept {
  const std::lock_guard lock(gate);
  --starting;
  w->thread = world.this_thread();
  try {
    idle.reserve(workers.size() + 1);
    workers.push_back(w);
  } catch (...) {
    breaker.cancel_probe(w->probe, world.now());
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

token_pool::state::task token_pool::state::next(const worker_pointer& w) {
  lock_type lock(gate);
  w->is_busy = false;
  if (std::exchange(w->is_finishing, false)) --finishing;
  for (;;) {
    if (is_stopping || (w->probe == 0 && (w->must_leave || is_surplus(*w)))) return {};
    if (w->probe == 0 && breaker.is_probe_due(world.now())) {
      w->probe = breaker.begin_probe(world.now());
      prober = w;
      call_supervisor();  // who sees when it is late
    }
    if (w->probe != 0) return next_probe(w);
    if (breaker.is_closed() && !queue.empty()) {
      if (auto t = next_job(*w, lock)) return std::move(*t);
      continue;
    }
    wait_idle(*w, lock);
  }
}

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

void token_pool::state::perform_job(const worker_pointer& w, job work) {
  const auto began = world.now();
  outcome what{make_failure(errc::key_unavailable, work.key->name), stage::work};
  try {
    const auto working = lib->working();
    what = attempt(*w, {work.key, work.what, work.work});
  } catch (const std::exception& e) {
    what.made = shed(errc::key_unavailable, std::string("an exception ended the work: ") + e.what());
  } catch (...) {
    what.made = shed(errc::key_unavailable, "an exception ended the work");
  }
  if (what.made) await_turn(world.now() - began);
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

// Whoever hung, or probed for too long, is one of us again; if there is another in its place, one of them leaves.
void token_pool::state::take_back(worker& w) noexcept {
  if (std::exchange(w.is_replaced, false)) --replaced;
  w.is_lost = false;
  w.is_busy = false;
}

void token_pool::state::settle(worker& w, job work, outcome what) {
  std::function<void(result<der::bytes>)> done;
  {
    const std::lock_guard lock(gate);
    take_back(w);
    w.has_session = w.s.is_open();
    totals.served += world.now() - w.began;
    done = std::exchange(w.done, nullptr);
    bool again = false;
    if (what.made) {
      if (done) ++totals.operations;
      const sample now{work.key, work.what, work.work};
      breaker.note_success(now.kind());
      if (work.what >= 0 && good.kind() != now.kind()) good = now;
    } else {
      again = settle_failure(w, work, what) && done;
      if (done && !again) ++totals.failures;
    }
    if (again) {
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
  const auto& why = what.made.error();
  const sample of{work.key, work.what, work.work};
  const bool is_ckr = why.code.category() == pkcs11_category();
  const auto rv = is_ckr ? static_cast<CK_RV>(why.code.value()) : CKR_OK;
  if (rv == CKR_SESSION_COUNT && what.at == stage::session && open_sessions() > 0) {
    limit.refused(open_sessions(), now);  // make do with those there are
    w.must_leave = true;
    return !is_stopping;
  }
  if (is_request_s_own(what, of)) return false;
  if (breaker.note_failure(of.kind(), is_token_down(rv), now)) {
    ++totals.circuit_opened;
    failed = of;
    last_trouble = why;
    why_not_reinitialized.clear();
  }
  if (breaker.is_closed()) return false;
  return !work.was_retried && !breaker.is_down() && now < work.deadline && !is_stopping;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
