// SPDX-License-Identifier: Apache-2.0
// When the token itself is gone: the circuit opens, one worker probes, and it closes again without a restart.
#include "pkcs11/pool_state.hpp"

#include <algorithm>
#include <random>

namespace sluice::inline v0::pkcs11 {
namespace {

constexpr auto longest_delay = std::chrono::milliseconds(500);
constexpr auto first_delay = std::chrono::milliseconds(20);
constexpr int probes_before_reinitializing = 5;

}  // namespace

// With the lock held. The first probe follows at once, so that a passing fault costs nobody a handshake.
void token_pool::state::trip(const failure& why) {
  last_trouble = why;
  if (circuit != circuit_state::closed) return;
  circuit = circuit_state::open;
  ++totals.circuit_opened;
  failed_probes = 0;
  probe_at = clock_type::now();
}

failure token_pool::state::down_failure() const {
  auto why =
      config_failure(errc::token_down, "token \"" + label + "\"", "its last answer was " + code_name(last_trouble.code),
                     "it is probed every half second and used again as soon as it answers");
  why.token = label;
  return why;
}

// Doubling from 20 ms, a quarter either way, never above 500 ms. With the lock held.
token_pool::state::clock_type::duration token_pool::state::next_delay() {
  thread_local std::minstd_rand random(std::random_device{}());
  const auto base = std::min<std::chrono::milliseconds>(first_delay * (1 << std::min(failed_probes, 5)), longest_delay);
  const auto spread = std::uniform_real_distribution<double>(0.75, 1.25)(random);
  const auto delay = std::chrono::duration_cast<std::chrono::milliseconds>(base * spread);
  return std::min(delay, longest_delay);
}

void token_pool::state::flush_queue(const failure& why, std::unique_lock<std::mutex>& lock) {
  auto refused = std::exchange(queue, {});
  totals.shed_down += refused.size();
  lock.unlock();
  for (auto& work : refused) work.done(why);
  lock.lock();
}

void token_pool::state::probe(const worker_pointer& w) {
  bool is_back = false;
  failure trouble;
  {
    const auto working = lib->working();
    auto tried = try_token(*w);
    is_back = tried.has_value();
    if (!is_back) trouble = tried.error();
  }
  const bool is_uninitialized = !is_back && trouble.code == error_code(CKR_CRYPTOKI_NOT_INITIALIZED, pkcs11_category());
  if (!is_back && (is_uninitialized || (failed_probes + 1) % probes_before_reinitializing == 0)) {
    w->s.close();  // ours must not be in the way
    if (lib->reinitialize()) {
      const std::lock_guard lock(gate);
      ++totals.reinitialized;
    }
  }
  std::unique_lock lock(gate);
  w->is_busy = false;
  w->has_session = w->s.is_open();
  if (is_back) {
    circuit = circuit_state::closed;
    is_down_for_sure = false;
    failed_probes = 0;
  } else {
    last_trouble = trouble;
    circuit = circuit_state::open;
    probe_at = clock_type::now() + next_delay();
    ++failed_probes;
    is_down_for_sure = true;
    flush_queue(down_failure(), lock);
  }
  changed.notify_all();
}

// The whole way to a token: it may be in another slot, or be another login.
result<void> token_pool::state::try_token(worker& w) {
  w.s.close();
  w.handles.clear();
  w.generation = lib->generation();
  auto token = find_token(*lib, wanted);
  if (!token) return counted(token.error());
  slot = token->slot;
  if (auto opened = open_session(w); !opened) return opened;
  auto logged_in = login.ensure(w.s, slot, login_hint::doubtful);
  if (!logged_in) return counted(logged_in.error());
  const std::lock_guard lock(gate);
  totals.logins += *logged_in;
  return {};
}

}  // namespace sluice::inline v0::pkcs11
