// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/immortal.hpp"
#include "pkcs11/pool_state.hpp"
#include "pkcs11/worker_threads.hpp"

#include "sluice/library.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>

namespace sluice::inline v0::pkcs11 {
namespace {

using state = token_pool::state;
using clock_type = std::chrono::steady_clock;

// How long a pool that closes waits for calls under way before it leaves them to themselves.
constexpr auto farewell = std::chrono::seconds(2);

std::size_t limit_of(const CK_TOKEN_INFO& info, std::size_t asked) {
  auto limit = std::max<std::size_t>(asked, 1);
  for (const auto most : {info.ulMaxSessionCount, info.ulMaxRwSessionCount}) {
    const bool is_known = most != CK_EFFECTIVELY_INFINITE && most != CK_UNAVAILABLE_INFORMATION;
    if (is_known) limit = std::min<std::size_t>(limit, most);
  }
  return limit;
}

// Pools by module and token, so that keys of one token share its login and sessions.
struct registry {
  std::mutex gate;
  std::map<std::pair<const module_core*, std::string>, std::weak_ptr<token_pool>> pools;
  static registry& instance() { return of_this_process<registry>(); }
};

}  // namespace

token_pool::state::state(std::shared_ptr<library> loaded, const uri& u, found_token token, pin_source pin,
                         const pool_options& o)
    : lib(std::move(loaded)),
      wanted(u.clone()),
      label(token.label()),
      options(o),
      owner(::getpid()),
      login(std::move(pin)),
      slot(token.slot),
      session_limit(limit_of(token.info, o.sessions)) {}

failure token_pool::state::shed(errc cause, std::string detail, std::string remedy) const {
  auto why = config_failure(cause, "token \"" + label + "\"", std::move(detail), std::move(remedy));
  why.token = label;
  return why;
}

void token_pool::state::submit(job work) {
  std::optional<failure> refused;
  std::vector<job> unwanted;
  {
    const std::lock_guard lock(gate);
    work.queued_at = clock_type::now();
    write_off_the_lost();
    if (queue.size() >= options.queue_limit) unwanted = take_unwanted();
    if (is_stopping) {
      refused = shed(errc::key_unavailable, "the key is being closed");
    } else if (is_down_for_sure) {
      ++totals.shed_down;
      refused = down_failure();
    } else if (queue.size() >= options.queue_limit) {
      ++totals.shed_full;
      refused = shed(errc::queue_full, std::to_string(queue.size()) + " requests wait already",
                     "use more sessions, more tokens, or accept fewer handshakes");
    } else {
      look_after(work.deadline);
      queue.push_back(std::move(work));
      start_worker_if_needed();
      if (nobody_is_left()) {
        work = std::move(queue.back());
        queue.pop_back();
        ++totals.shed_down;
        refused = stuck_failure();
      }
    }
  }
  for (auto& one : unwanted) one.done(late_failure());
  if (refused) return work.done(std::move(*refused));
  changed.notify_one();
}

// A worker for each request that nobody is free for, up to the sessions there may be. With the lock held.
void token_pool::state::start_worker_if_needed() {
  std::size_t live = 0;
  std::size_t idle = 0;
  std::size_t lost = 0;
  for (const auto& w : workers) {
    lost += w->is_written_off;
    live += !w->is_written_off;
    idle += !w->is_written_off && !w->is_busy;
  }
  if (idle >= queue.size() || live >= session_limit || lost > options.most_written_off) return;
  auto w = std::make_shared<worker>(*lib);
  workers.push_back(w);
  worker_threads::start([self = shared_from_this(), w] { self->run(w); });
}

void token_pool::state::run(const worker_pointer& w) {
  const sluice::library::thread_scope scope;
  my_pool = this;
  for (;;) {
    bool should_probe = false;
    auto work = next_job(w, should_probe);
    if (should_probe) {
      probe(w);
    } else if (!work) {
      break;
    } else {
      const auto began = clock_type::now();
      auto outcome = attempt(*w, *work);
      if (outcome) await_turn(clock_type::now() - began);
      finish_job(w, std::move(*work), std::move(outcome));
    }
  }
  {
    const auto working = lib->working();
    w->s.close();
  }
  const std::lock_guard lock(gate);
  std::erase(workers, w);
  changed.notify_all();
}

// Waits for work, or for the moment to probe a token that is down. Nothing: the worker is to end.
std::optional<job> token_pool::state::next_job(const worker_pointer& w, bool& should_probe) {
  std::unique_lock lock(gate);
  w->is_busy = false;
  for (;;) {
    if (is_stopping || w->is_written_off) return std::nullopt;
    const auto now = clock_type::now();
    if (circuit == circuit_state::open && now >= probe_at) {
      circuit = circuit_state::probing;
      should_probe = true;
      w->is_busy = true;
      w->due = now + std::chrono::seconds(10);
      look_after(w->due);
      return std::nullopt;
    }
    if (circuit == circuit_state::closed && !queue.empty()) {
      job work = std::move(queue.front());
      queue.pop_front();
      const bool is_late = now >= work.deadline;
      const bool is_unwanted = work.is_wanted && !work.is_wanted();
      if (is_late || is_unwanted) {
        ++totals.shed_late;
        lock.unlock();
        work.done(late_failure());
        lock.lock();
        continue;
      }
      w->is_busy = true;
      w->due = work.deadline;
      totals.waited += now - work.queued_at;
      return work;
    }
    const worker_threads::parked waiting;
    if (circuit == circuit_state::open) {
      changed.wait_until(lock, probe_at);
    } else {
      changed.wait(lock);
    }
  }
}

void token_pool::state::await_turn(clock_type::duration took) {
  std::unique_lock lock(gate);
  const auto now = clock_type::now();
  const auto at_work =
      static_cast<std::size_t>(std::ranges::count_if(workers, [](const auto& w) { return w->is_busy; }));
  const auto turn = answers.turn(now, took, at_work);
  lock.unlock();
  if (turn > now) std::this_thread::sleep_until(turn);
}

void token_pool::state::finish_job(const worker_pointer& w, job work, result<der::bytes> outcome) {
  bool again = false;
  {
    const std::lock_guard lock(gate);
    w->is_busy = false;
    w->has_session = w->s.is_open();
    if (outcome) {
      ++totals.operations;
    } else {
      const auto code = outcome.error().code;
      const bool is_ckr = code.category() == pkcs11_category();
      const auto rv = static_cast<CK_RV>(code.value());
      // Too many sessions: make do with those there are.
      if (is_ckr && rv == CKR_SESSION_COUNT) {
        if (const auto open = open_sessions(); open > 0) {
          session_limit = open;
          w->is_written_off = true;  // this worker ends; it is not lost
          again = true;
        }
      } else if (is_ckr && is_token_down(rv)) {
        trip(outcome.error());
        again = !work.was_retried && !is_down_for_sure && clock_type::now() < work.deadline;
        work.was_retried = true;
      }
      if (again) {
        queue.push_front(std::move(work));
      } else {
        ++totals.failures;
      }
    }
  }
  changed.notify_all();
  if (!again) work.done(std::move(outcome));
}

void token_pool::state::stop() {
  if (::getpid() != owner) return;  // in a forked child: no workers, and a mutex that one of them may have held
  std::unique_lock lock(gate);
  is_stopping = true;
  changed.notify_all();
  supervisor_wakes.notify_all();
  flush_queue(shed(errc::key_unavailable, "the key is being closed"), lock);
  if (my_pool == this) return;  // the last key was dropped by a worker: it cannot wait for itself
  const auto nobody_works = [this] {
    return std::ranges::all_of(workers, [](const auto& w) { return w->is_written_off && w->is_busy; });
  };
  changed.wait_for(lock, farewell, nobody_works);
  lock.unlock();
  worker_threads::join_ended();
}

std::size_t token_pool::state::open_sessions() const {
  return static_cast<std::size_t>(std::ranges::count_if(workers, [](const auto& w) { return w->has_session; }));
}

token_stats token_pool::state::stats() const {
  const std::lock_guard lock(gate);
  auto now = totals;
  now.token = label;
  now.circuit = circuit;
  now.queued = queue.size();
  now.session_limit = session_limit;
  for (const auto& w : workers) {
    now.workers += !w->is_written_off;
    now.sessions_open += w->has_session;
    now.sessions_busy += w->is_busy;
  }
  return now;
}

result<std::shared_ptr<token_pool>> token_pool::open(std::shared_ptr<library> lib, const uri& wanted, pin_source pin,
                                                     const pool_options& options) {
  std::optional<found_token> token;
  {
    const auto working = lib->working();
    auto found = find_token(*lib, wanted);
    if (!found) return found.error();
    token = *found;
  }
  auto& shared = registry::instance();
  const std::lock_guard lock(shared.gate);
  const auto identity = padded_text(token->info.serialNumber) + '\n' + padded_text(token->info.label);
  auto& slot = shared.pools[{lib->core(), identity}];
  if (auto pool = slot.lock()) return pool;
  std::shared_ptr<token_pool> made(
      new token_pool(std::make_shared<state>(std::move(lib), wanted, *token, std::move(pin), options)));
  slot = made;
  return made;
}

std::vector<token_stats> statistics() {
  std::vector<std::shared_ptr<token_pool>> alive;  // released without the lock: the last one stops its workers
  {
    auto& shared = registry::instance();
    const std::lock_guard lock(shared.gate);
    for (const auto& [which, pool] : shared.pools) {
      if (auto held = pool.lock()) alive.push_back(std::move(held));
    }
  }
  std::vector<token_stats> made;
  for (const auto& pool : alive) made.push_back(pool->stats());
  return made;
}

token_pool::~token_pool() { state_->stop(); }
void token_pool::submit(job work) { state_->submit(std::move(work)); }
token_stats token_pool::stats() const { return state_->stats(); }
const std::string& token_pool::label() const { return state_->label; }
const std::shared_ptr<library>& token_pool::lib() const { return state_->lib; }

CK_SLOT_ID token_pool::slot() const { return state_->slot; }

double token_pool::load() const {
  const std::lock_guard lock(state_->gate);
  if (state_->is_down_for_sure) return 1e9;
  std::size_t busy = state_->queue.size();
  for (const auto& w : state_->workers) busy += w->is_busy;
  return static_cast<double>(busy) / static_cast<double>(state_->session_limit);
}

}  // namespace sluice::inline v0::pkcs11
