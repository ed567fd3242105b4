// SPDX-License-Identifier: Apache-2.0
// What the workers of a token and their supervisor share. Held by each of them: a worker that hangs outlives the pool.
//
// The supervisor owns progress: it starts workers, has the token probed while it is out of use, and replaces whoever
// hangs. It never calls the module. A worker is a loop: next() decides what to do and may wait, perform_…() is the one
// call that blocks, settle_…() takes in what came of it. Time, threads and waiting are the runtime's.
#pragma once

#include "pkcs11/circuit.hpp"
#include "pkcs11/job_queue.hpp"
#include "pkcs11/pacing.hpp"
#include "pkcs11/pool.hpp"
#include "pkcs11/session_limit.hpp"

#include <sys/types.h>

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// `gate` guards everything that is not const, atomic or said to be a worker's own. Two things are never done while it
// is held: a call into the module, which may hang, and an answer, which runs code of whoever asked and may come back
// here by submit(). `is_wanted` of a job is called with it held, and must therefore call nothing of the pool.
//
// Exactly one answer: a job is owned by the queue, then by its worker, whose `done` is taken out under the lock by
// whoever answers, the worker in settle() or the supervisor when it writes the worker off. Both find it empty if the
// other was first.
struct token_pool::state : std::enable_shared_from_this<token_pool::state> {
  using time_point = runtime::time_point;
  using lock_type = std::unique_lock<std::mutex>;

  // One thread. The session, its handles and the generation are its own; the rest is guarded by the state's mutex.
  // The states of a worker, as the flags have them. Waiting: in `idle`. Called: out of `idle` again, `is_called`, and
  // one of `called`. At work: `is_busy`, with `began` set, and with `probe`, or with `done` until somebody takes it.
  // Handing over: not busy, `is_finishing`, one of `finishing`. Beside that, `is_replaced` (one of `replaced`) means
  // that the limit of sessions does not count it; `is_lost` implies it. A worker that comes back from its call clears
  // both by take_back(), and is then an ordinary one.
  struct worker {
    explicit worker(const library& lib) : s(lib), wakes(lib.world().make_event()) {}
    session s;
    std::map<std::shared_ptr<const key_record>, CK_OBJECT_HANDLE> handles;
    std::uint64_t generation = 0;
    const std::unique_ptr<runtime::event> wakes;
    const void* thread = nullptr;
    // s.is_open(), for others to read: the session itself is the worker's own.
    bool has_session = false;
    bool is_busy = false;
    bool is_replaced = false;  // another may do its part: it hangs, or its probe is late
    bool is_lost = false;      // it hangs: counted as written off
    bool must_leave = false;
    bool is_called = false;                        // woken for work, and not there yet
    bool is_finishing = false;                     // hands over an answer, and is free then
    std::uint64_t probe = 0;                       // under way
    time_point began{};                            // the call under way
    std::function<void(result<der::bytes>)> done;  // of the job in hand; taken by the supervisor from one that hangs
  };
  using worker_pointer = std::shared_ptr<worker>;

  // What failed or succeeded, to be done again by a probe.
  // It owns the key's record: the key itself may be closed while its kind of work is still what a probe repeats.
  struct sample {
    std::shared_ptr<key_record> key;
    int what = other_work;
    std::function<token_answer(const signing_context&)> work;
    circuit::kind kind() const { return {key.get(), what}; }
  };
  // Where an attempt ended: a code means one thing of a signature and another of a search.
  enum class stage : std::uint8_t { session, login, search, work };
  struct outcome {
    result<der::bytes> made;
    stage at = stage::work;
    // The token did what it was asked to, even if the signature is none: that is no fault of its sessions.
    bool is_answered() const { return made || made.error().code == make_error_code(errc::encoding_error); }
  };
  struct task {
    enum class kind : std::uint8_t { leave, job, probe } what = kind::leave;
    std::optional<pkcs11::job> work;
    std::vector<sample> samples;  // of a probe: what failed first, then what may work all the same
    std::uint64_t probe = 0;
  };

  state(std::shared_ptr<library> loaded, const uri& wanted, found_token token, pin_source pin, const pool_options& o);
  ~state();

  // pool.cpp: from outside
  void submit(job work);
  void stop();
  token_stats stats() const;
  double load() const;

  // worker.cpp
  void run(const worker_pointer& w) noexcept;
  bool enter(const worker_pointer& w) noexcept;
  void leave(const worker_pointer& w) noexcept;
  task next(const worker_pointer& w);
  std::optional<task> next_job(worker& w, lock_type& lock);
  void wait_idle(worker& w, lock_type& lock);
  bool is_surplus(const worker& w) const;
  std::size_t open_sessions() const;
  void perform_job(const worker_pointer& w, job work);
  void settle(worker& w, job work, outcome what);
  bool settle_failure(worker& w, const job& work, const outcome& what);
  void take_back(worker& w) noexcept;
  void await_turn(runtime::duration took);

  // supervisor.cpp
  void supervise() noexcept;
  void look_around(lock_type& lock);
  void call_supervisor() noexcept;
  bool call_idle() noexcept;
  bool write_off_the_lost(lock_type& lock);
  bool drop_the_late(lock_type& lock);
  bool drop_the_unwanted(lock_type& lock);
  bool replace_late_prober(lock_type& lock);
  bool staff(lock_type& lock);
  bool start_worker(lock_type& lock);
  void replace(worker& w) noexcept;
  time_point next_concern() const;
  bool may_start() const noexcept;
  std::size_t soon_free() const noexcept;
  bool is_stuck() const noexcept;

  // recovery.cpp: one piece of work, climbing as far as it takes
  outcome attempt(worker& w, const sample& work);
  outcome attempt_once(worker& w, const sample& work, login_hint hint);
  result<CK_OBJECT_HANDLE> locate(worker& w, key_record& key);
  result<void> open_session(worker& w);
  void drop_session(worker& w);
  void count_answer(CK_RV rv);
  failure counted(failure error);  // by its CKR, if it has one

  // probe.cpp
  task next_probe(const worker_pointer& w);
  void perform_probe(const worker_pointer& w, task& t);
  outcome try_token(worker& w, const task& t, bool& is_excused);
  void settle_probe(const worker_pointer& w, const task& t, const outcome& what, bool is_excused);
  void try_last_rung(worker& w, const failure& error);
  void note_down(bool is_down);

  // failures.cpp: what callers get, and whose fault it was
  static bool is_request_s_own(const outcome& what, const sample& work);
  failure shed(errc cause, const std::string& detail, const std::string& remedy = {}) const;
  failure down_failure() const;
  failure stuck_failure() const;
  failure late_failure() const;
  failure hung_failure() const;
  void refuse_all(const failure& error, lock_type& lock);
  static void answer(std::function<void(result<der::bytes>)>& done, result<der::bytes> what) noexcept;

  const std::shared_ptr<library> lib;
  runtime& world;
  const uri wanted;
  const std::string label;
  const pool_options options;
  const pid_t owner;  // workers do not survive fork()
  token_login login;

  // The one lock. The login, the module and the PIN guard have locks of their own, which are taken without this one.
  mutable std::mutex gate;
  std::atomic<CK_SLOT_ID> slot;  // a token that comes back may be elsewhere
  session_limit limit;
  circuit breaker;
  job_queue queue;
  // A worker is in the list from enter() to leave(), so that stop() can wait for the list to be empty. Those that hang
  // stay in it: their threads still use this object.
  std::list<worker_pointer> workers;  // whose threads run, those that hang included
  // Taken from the back: the worker that waited last has the session that was used last.
  std::vector<worker*> idle;
  std::size_t starting = 0;      // threads asked for, which do not run yet
  std::size_t called = 0;        // woken for work, and not there yet
  std::size_t finishing = 0;     // handing over an answer
  time_point finishing_since{};  // the last of them
  std::size_t replaced = 0;
  // Reset when the probe is settled or given up: by then its worker may do something else.
  worker_pointer prober;        // of the probe under way
  time_point start_again_at{};  // the system had no thread to give
  failure last_error;
  std::string why_not_reinitialized;
  sample failed;               // what the circuit opened by
  sample good;                 // the last kind of signature that was made
  bool is_noted_down = false;  // by the module, which is finalised only when all its tokens are
  bool is_stopping = false;

  // The flag goes with the event: it is set under the lock before the event is notified, so that a call which comes
  // while the supervisor is looking around is not lost. Whoever brings a moment nearer than `look_again_at` must call.
  std::unique_ptr<runtime::event> supervisor_wakes;
  bool is_supervisor_called = false;
  bool must_sweep = false;
  time_point look_again_at = runtime::never;
  const void* supervisor_thread = nullptr;
  std::unique_ptr<runtime::event> somebody_left;

  pacing answers;
  token_stats totals;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
