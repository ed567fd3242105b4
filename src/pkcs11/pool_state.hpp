// SPDX-License-Identifier: Apache-2.0
// What the workers of a token share. Held by each of them: a worker that hangs outlives the pool.
#pragma once

#include "pkcs11/pacing.hpp"
#include "pkcs11/pool.hpp"

#include <sys/types.h>

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace sluice::inline v0::pkcs11 {

// The pool whose thread this is.
inline thread_local const void* my_pool = nullptr;

struct token_pool::state : std::enable_shared_from_this<token_pool::state> {
  using clock_type = std::chrono::steady_clock;

  // One thread. The session and the handles are its own; the rest is guarded by the state's mutex.
  struct worker {
    explicit worker(const library& lib) : s(lib) {}
    session s;
    std::map<std::shared_ptr<const key_record>, CK_OBJECT_HANDLE> handles;
    std::uint64_t generation = 0;
    bool is_busy = false;
    bool is_written_off = false;
    bool has_session = false;
    clock_type::time_point due = clock_type::time_point::max();  // of the work in hand
  };
  using worker_pointer = std::shared_ptr<worker>;

  state(std::shared_ptr<library> loaded, const uri& wanted, found_token token, pin_source pin, const pool_options& o);

  // pool.cpp: the queue
  void submit(job work);
  failure shed(errc cause, std::string detail, std::string remedy = {}) const;
  void start_worker_if_needed();
  void run(const worker_pointer& w);
  std::optional<job> next_job(const worker_pointer& w, bool& should_probe);
  void await_turn(clock_type::duration took);
  void finish_job(const worker_pointer& w, job work, result<der::bytes> outcome);
  void stop();
  std::size_t open_sessions() const;  // with the lock held
  token_stats stats() const;

  // supervision.cpp: what nobody else would notice
  void look_after(clock_type::time_point when);
  void supervise();
  void write_off_the_lost();
  void shed_the_late(std::unique_lock<std::mutex>& lock);
  std::vector<job> take_unwanted();
  clock_type::time_point next_concern() const;
  bool nobody_is_left() const;
  failure stuck_failure() const;
  failure late_failure() const;

  // ladder.cpp: one piece of work, climbing as far as it takes
  result<der::bytes> attempt(worker& w, const job& work);
  result<der::bytes> attempt_once(worker& w, const job& work, login_hint hint);
  result<CK_OBJECT_HANDLE> locate(worker& w, key_record& key);
  result<void> open_session(worker& w);
  void count_answer(CK_RV rv);
  failure counted(failure why);  // by its CKR, if it has one

  // circuit.cpp
  void trip(const failure& why);
  void probe(const worker_pointer& w);
  result<void> try_token(worker& w);
  clock_type::duration next_delay();
  failure down_failure() const;
  void flush_queue(const failure& why, std::unique_lock<std::mutex>& lock);

  const std::shared_ptr<library> lib;
  const uri wanted;
  const std::string label;
  const pool_options options;
  const pid_t owner;  // workers do not survive fork()
  token_login login;

  mutable std::mutex gate;
  std::condition_variable changed;
  std::atomic<CK_SLOT_ID> slot;  // a token that comes back may be elsewhere
  std::size_t session_limit;
  std::deque<job> queue;
  std::list<worker_pointer> workers;
  circuit_state circuit = circuit_state::closed;
  bool is_down_for_sure = false;  // a probe has failed: work is refused at once
  clock_type::time_point probe_at{};
  int failed_probes = 0;
  failure last_trouble;
  bool is_stopping = false;
  bool has_supervisor = false;
  std::condition_variable supervisor_wakes;
  clock_type::time_point look_again_at = clock_type::time_point::max();  // the supervisor's
  pacing answers;
  token_stats totals;
};

}  // namespace sluice::inline v0::pkcs11
