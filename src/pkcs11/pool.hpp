// SPDX-License-Identifier: Apache-2.0
// A token's workers: threads with a session each, one bounded queue, one login, one circuit breaker.
#pragma once

#include "pkcs11/login.hpp"
#include "pkcs11/tokens.hpp"
#include "sluice/pkcs11/key.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// A key as it is looked for, and as it was found the first time.
struct key_record {
  object_search search;
  std::string name;  // its URI
  key_kind kind;
  bool always_authenticate = false;
  std::optional<der::bytes> public_key;  // SubjectPublicKeyInfo; a key found again must be this one
};

// What a piece of work is done with.
struct signing_context {
  session& s;
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  const key_record& record;
  std::function<CK_RV(const session&)> authenticate;  // empty unless the key wants its PIN each time
};

// What a job does, so that a probe can do it again, and failures of one kind can be distinguished from those of a
// token.
enum : int { first_look = -1, other_work = -2 };  // else the signature_scheme

// One piece of work. `key` does not change once it is queued: workers read it without a lock.
struct job {
  using time_point = std::chrono::steady_clock::time_point;
  std::shared_ptr<key_record> key;
  int what = other_work;
  std::function<token_answer(const signing_context&)> work;
  std::function<bool()> is_wanted;               // empty: yes
  std::function<void(result<der::bytes>)> done;  // exactly once, on a thread of the pool or inside submit()
  time_point deadline = time_point::max();
  time_point queued_at{};
  bool was_retried = false;  // by the circuit breaker, once
};

struct pool_options {
  std::size_t sessions = 8;
  std::size_t queue_limit = 1024;
  std::size_t max_written_off = 8;
  std::chrono::milliseconds hang_timeout = std::chrono::seconds(30);
};

// The owner's handle. Its end stops the pool; the state lives on as long as a worker's call has not returned.
class token_pool {
 public:
  // The pool of the one token that fits; keys of the same token share it. errc::key_unavailable when the system has no
  // thread for its supervisor.
  static result<std::shared_ptr<token_pool>> open(std::shared_ptr<library> lib, const uri& wanted, pin_source pin,
                                                  const pool_options& options);
  ~token_pool();

  // Takes the work, or answers it at once: queue_full, token_down, key_timed_out.
  void submit(job work);
  double load() const;  // queued and busy, a session
  token_stats stats() const;
  const std::string& label() const;
  CK_SLOT_ID slot() const;
  const std::shared_ptr<library>& lib() const;

  struct state;

 private:
  explicit token_pool(std::shared_ptr<state> s) : state_(std::move(s)) {}
  std::shared_ptr<state> state_;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
