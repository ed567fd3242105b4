// SPDX-License-Identifier: Apache-2.0
// A probe does what failed, the signature included: a token that answers is not one that signs.
#include "core/base/wipe.hpp"
#include "pkcs11/pool_state.hpp"

#include <string.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

using state = token_pool::state;

// A signature of something that means nothing, by a scheme that a key of this kind usually has.
state::sample usual_signature(const std::shared_ptr<key_record>& key, signature_scheme scheme) {
  sign_request request;
  request.scheme = scheme;
  request.input_size = static_cast<std::uint8_t>(digest_size(digest_of(scheme)));
  request.input.fill(std::byte{0x5a});
  return {key, static_cast<int>(scheme),
          [request](const signing_context& v) { return v.s.sign(v.key, v.record.kind, request, v.authenticate); }};
}

}  // namespace

// What failed comes first. Then what else may be signed: where that works, what failed is the one thing that does not.
// A pad of the token's own is not made to ask somebody again and again, and the answer to a first look is its caller's:
// there the key is only found. With the lock held.
state::task token_pool::state::next_probe(const worker_pointer& w) {
  w->is_busy = true;
  w->began = world.now();
  task t{.what = task::kind::probe, .work = {}, .samples = {}, .probe = w->probe};
  if (!failed.key) return t;
  t.samples.push_back(failed);
  if (good.key && good.kind() != failed.kind()) t.samples.push_back(good);
  const bool is_rsa = failed.key->kind.type == CKK_RSA;
  const auto usual = is_rsa ? std::vector{signature_scheme::rsa_pkcs1_sha256, signature_scheme::rsa_pss_rsae_sha256}
                            : std::vector{signature_scheme::ecdsa_secp256r1_sha256};
  for (const auto scheme : usual) {
    auto one = usual_signature(failed.key, scheme);
    const auto is_there = [&one](const sample& s) { return s.kind() == one.kind(); };
    if (std::ranges::none_of(t.samples, is_there)) t.samples.push_back(std::move(one));
  }
  for (auto& one : t.samples) {
    const bool is_only_found = one.what == first_look || (one.key->always_authenticate && !login.has_source());
    if (is_only_found) one.work = [](const signing_context&) { return answer_of(CKR_OK); };
  }
  return t;
}

void token_pool::state::perform_probe(const worker_pointer& w, task& t) {
  outcome what{shed(errc::key_unavailable, "an exception ended the probe"), stage::session};
  bool is_excused = false;
  try {
    const auto working = lib->working();
    what = try_token(*w, t, is_excused);
    if (!what.made) drop_session(*w);  // in nobody's way
  } catch (...) {
    // Out of memory: the probe has failed, as `what` is set above.
  }
  // After `working` has ended: the last rung calls C_Finalize only when nobody is inside the module, this thread
  // included.
  if (!what.made) try_last_rung(*w, what.made.error());
  settle_probe(w, t, what, is_excused);
}

// The whole way to a token: it may be in another slot, or be another login.
state::outcome token_pool::state::try_token(worker& w, const task& t, bool& is_excused) {
  // A session from before proves nothing: the probe takes the way that every new session will take.
  drop_session(w);
  auto token = find_token(*lib, wanted);
  if (!token) return {counted(token.error()), stage::session};
  slot = token->slot;
  if (t.samples.empty()) {
    if (auto opened = open_session(w); !opened) return {opened.error(), stage::session};
    auto logged_in = login.ensure(w.s, slot, login_hint::doubtful);
    if (!logged_in) return {counted(logged_in.error()), stage::login};
    return {der::bytes(), stage::work};
  }
  auto first = attempt(w, t.samples.front());
  if (first.made) internal::wipe(*first.made);  // it may have been to be decrypted
  if (first.is_answered() || is_request_s_own(first, t.samples.front())) return {der::bytes(), stage::work};
  // Not even a session or a login: what else is to be signed does not matter. Otherwise a signature of another kind
  // distinguishes a token that is broken from a key or a scheme that is. A search that failed fails for each scheme of
  // the same key.
  if (first.at == stage::session || first.at == stage::login) return first;
  for (std::size_t i = 1; i < t.samples.size(); ++i) {
    const auto& other = t.samples[i];
    if (first.at == stage::search && other.key == t.samples.front().key) continue;
    if (attempt(w, other).is_answered()) {
      is_excused = true;
      return {der::bytes(), stage::work};
    }
  }
  return first;
}

// A module that says it was finalised is initialised at once; one that says so all the same takes the whole rung.
void token_pool::state::try_last_rung(worker& w, const failure& error) {
  const bool was_finalized = error.code == error_code(CKR_CRYPTOKI_NOT_INITIALIZED, pkcs11_category());
  // Only the probe that the breaker waits for may climb it: two workers must not finalise one module after the other.
  bool is_its_turn = false;
  {
    const std::lock_guard lock(gate);
    is_its_turn = (breaker.failed_probes() + 1) % circuit::probes_before_reinitializing == 0;
    if (!breaker.is_under_way(w.probe) || (!was_finalized && !is_its_turn)) return;
  }
  auto why_not = lib->reinitialize(!is_its_turn);
  if (why_not && was_finalized && is_its_turn) why_not = lib->reinitialize(true);
  const std::lock_guard lock(gate);
  totals.reinitialized += !why_not;
  why_not_reinitialized = why_not.value_or("");
}

void token_pool::state::settle_probe(const worker_pointer& w, const task& t, const outcome& what, bool is_excused) {
  lock_type lock(gate);
  // First, in every case: late or not, this worker is free again.
  take_back(*w);
  w->has_session = w->s.is_open();
  w->probe = 0;
  if (prober == w) prober.reset();
  if (what.made) {  // however late: it works now
    // A probe that was given up comes second; another has closed the circuit already.
    if (breaker.is_closed()) return;
    breaker.probe_succeeded();
    if (is_excused) breaker.excuse(failed.kind(), world.now());
    note_down(false);
    call_supervisor();
  } else if (breaker.probe_failed(t.probe, world.now())) {
    last_error = what.made.error();
    note_down(true);
    call_supervisor();
    refuse_all(down_failure(), lock);
  }
}

// With the lock held.
void token_pool::state::note_down(bool is_down) {
  if (std::exchange(is_noted_down, is_down) == is_down) return;
  if (is_down) {
    --lib->core()->tokens_in_use;
  } else {
    ++lib->core()->tokens_in_use;
  }
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
