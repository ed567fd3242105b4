// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/immortal.hpp"
#include "pkcs11/pool_state.hpp"
#include "pkcs11/worker_threads.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// How long a pool that closes waits for calls under way before it leaves them to themselves.
constexpr auto farewell = std::chrono::seconds(2);
constexpr std::size_t looked_at_in_a_full_queue = 4;  // by submit(); the rest is the supervisor's

std::size_t limit_of(const CK_TOKEN_INFO& info, std::size_t asked) {
  auto limit = std::max<std::size_t>(asked, 1);
  for (const auto most : {info.ulMaxSessionCount, info.ulMaxRwSessionCount}) {
    const bool is_known = most != CK_EFFECTIVELY_INFINITE && most != CK_UNAVAILABLE_INFORMATION;
    if (is_known) limit = std::min<std::size_t>(limit, most);
  }
  return limit;
}

// A call cannot hang before it was begun, and sums of times must not overflow.
pool_options within_reason(pool_options o) {
  o.hang_timeout = std::clamp<std::chrono::milliseconds>(o.hang_timeout, std::chrono::milliseconds(10),
                                                         std::chrono::hours(24 * 365));
  return o;
}

// Pools by module and token, so that keys of one token share its login and sessions.
struct registry {
  std::mutex gate;
  std::map<std::pair<std::shared_ptr<module_core>, std::string>, std::weak_ptr<token_pool>> pools;
  static registry& instance() { return of_this_process<registry>(); }
};

}  // namespace

token_pool::state::state(std::shared_ptr<library> loaded, const uri& u, found_token token, pin_source pin,
                         const pool_options& o)
    : lib(std::move(loaded)),
      world(lib->world()),
      wanted(u.clone()),
      label(token.label()),
      options(within_reason(o)),
      owner(::getpid()),
      login(std::move(pin), options.hang_timeout),
      slot(token.slot),
      limit(limit_of(token.info, o.sessions)),
      breaker(world.seed()),
      supervisor_wakes(world.make_event()),
      somebody_left(world.make_event()) {
  ++lib->core()->tokens_in_use;
}

token_pool::state::~state() { note_down(true); }

// On an event loop as a rule: work that does not grow with the queue.
void token_pool::state::submit(job work) {
  // Collected under the lock and answered after it: an answer may destroy a connection, or submit the next request.
  std::optional<failure> refused;
  std::vector<job> unwanted;
  {
    const std::lock_guard lock(gate);
    work.queued_at = world.now();
    if (queue.size() >= options.queue_limit) {
      unwanted = queue.take_unwanted(looked_at_in_a_full_queue);
      totals.shed_late += unwanted.size();
    }
    if (is_stopping) {
      refused = shed(errc::key_unavailable, "the key is being closed");
    } else if (breaker.is_down()) {
      // Rejected at once while the token is down, so that handshakes fail now and not at their deadlines. The
      // supervisor is called only if it is late with the probe.
      ++totals.shed_down;
      refused = down_failure();
      if (breaker.next_event() <= work.queued_at) call_supervisor();
    } else if (queue.size() >= options.queue_limit) {
      ++totals.shed_full;
      refused = shed(errc::queue_full, std::to_string(queue.size()) + " requests wait already",
                     "use more sessions, more tokens, or accept fewer handshakes");
      must_sweep = true;
      call_supervisor();
    } else if (is_stuck()) {
      ++totals.shed_down;
      refused = stuck_failure();
    } else {
      const auto deadline = work.deadline;
      const auto soon = work.queued_at + std::chrono::milliseconds(100);
      queue.push_back(std::move(work));
      // Waking a worker is cheap and done here; starting a thread is not, and is the supervisor's. It is not called for
      // work that a worker takes in a moment anyway, because each call costs a switch of threads.
      const bool is_taken = breaker.is_closed() && queue.size() > called && call_idle();
      const bool needs_thread = breaker.is_closed() && !is_taken && queue.size() > called + starting && may_start();
      const bool is_soon_free = queue.size() <= called + starting + soon_free() && look_again_at <= soon;
      if ((needs_thread && !is_soon_free) || deadline < look_again_at) call_supervisor();
    }
  }
  for (auto& one : unwanted) answer(one.done, late_failure());
  // It is refused, or it has been moved. NOLINTNEXTLINE(bugprone-use-after-move)
  if (refused) answer(work.done, std::move(*refused));
}

// After it, nothing is queued and nothing will be (submit() looks at is_stopping under the same lock), and no worker
// takes work. A call that hangs is left behind with a share of this state and of the library, which stays mapped.
void token_pool::state::stop() {
  if (::getpid() != owner) return;  // in a forked child: no workers, and a mutex that one of them may have held
  lock_type lock(gate);
  is_stopping = true;
  for (const auto& w : workers) w->wakes->notify_all();
  supervisor_wakes->notify_all();
  refuse_all(shed(errc::key_unavailable, "the key is being closed"), lock);
  const auto* const here = world.this_thread();
  const bool is_ours =
      supervisor_thread == here || std::ranges::any_of(workers, [here](const auto& w) { return w->thread == here; });
  if (is_ours) return;  // the last key was dropped by one of us, who cannot wait for itself
  const auto nobody_works = [this] {
    // At the end of the process, nor does a thread that was in the module: it never comes back.
    const auto is_left_behind = [is_over = lib->core()->is_over.load()](const auto& w) {
      return w->is_busy && (w->is_replaced || is_over);
    };
    return starting == 0 && std::ranges::all_of(workers, is_left_behind);
  };
  const auto end = world.now() + farewell;
  while (!nobody_works() && world.now() < end) somebody_left->wait(lock, end);
  lock.unlock();
  worker_threads::join_ended();
}

token_stats token_pool::state::stats() const {
  const std::lock_guard lock(gate);
  auto now = totals;
  now.token = label;
  now.circuit = breaker.state();
  now.queued = queue.size();
  now.session_limit = limit.now();
  for (const auto& w : workers) {
    now.workers += !w->is_replaced;
    now.sessions_open += w->has_session;
    now.sessions_busy += w->is_busy;
  }
  return now;
}

double token_pool::state::load() const {
  const std::lock_guard lock(gate);
  // Last in any order, but not left out: where all tokens are down, the failure of one of them is the answer.
  if (breaker.is_down()) return 1e9;
  std::size_t busy = queue.size();
  for (const auto& w : workers) busy += w->is_busy;
  return static_cast<double>(busy) / static_cast<double>(limit.now());
}

result<std::shared_ptr<token_pool>> token_pool::open(std::shared_ptr<library> lib, const uri& wanted, pin_source pin,
                                                     const pool_options& options) {
  std::optional<found_token> token;
  {
    const auto working = lib->working();
    // Before the registry is locked: it may take as long as the token likes, and must not keep keys of other tokens
    // from being opened.
    auto found = find_token(*lib, wanted);
    if (!found) return found.error();
    token = *found;
  }
  auto& shared = registry::instance();
  const std::lock_guard lock(shared.gate);
  const auto identity = padded_text(token->info.serialNumber) + '\n' + padded_text(token->info.label);
  // Pools are held weakly: the last key of a token ends its pool, and the entry is swept here.
  std::erase_if(shared.pools, [](const auto& one) { return one.second.expired(); });
  auto& slot = shared.pools[{lib->core(), identity}];
  if (auto open = slot.lock()) return open;
  // Made with the registry locked, so that two threads that open keys of one token at once get one pool, and one login.
  const auto made = std::make_shared<state>(std::move(lib), wanted, *token, std::move(pin), options);
  if (!made->world.start([made] { made->supervise(); })) {
    return made->shed(errc::key_unavailable, "the system has no thread for its supervisor",
                      "allow this process more threads (ulimit -u, the container's limit of processes)");
  }
  std::shared_ptr<token_pool> pool(new token_pool(made));
  slot = pool;
  return pool;
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
  made.reserve(alive.size());
  for (const auto& pool : alive) made.push_back(pool->stats());
  return made;
}

token_pool::~token_pool() {
  try {
    state_->stop();
  } catch (...) {  // out of memory: what waits is answered as it is dropped
  }
}

void token_pool::submit(job work) { state_->submit(std::move(work)); }
double token_pool::load() const { return state_->load(); }
token_stats token_pool::stats() const { return state_->stats(); }
const std::string& token_pool::label() const { return state_->label; }
const std::shared_ptr<library>& token_pool::lib() const { return state_->lib; }
CK_SLOT_ID token_pool::slot() const { return state_->slot; }

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
