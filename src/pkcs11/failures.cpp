// SPDX-License-Identifier: Apache-2.0
// The failures that callers get, and whose fault each was: the token's or the request's.
#include "pkcs11/pool_state.hpp"

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// What a client can bring about by what it negotiates, or a configuration by a wrong PIN or name: it says nothing of
// the token, costs no session and opens no circuit. Every other code does, a vendor's included.
bool token_pool::state::is_request_s_own(const outcome& what, const sample& work) {
  if (what.made) return false;
  const auto& code = what.made.error().code;
  if (code.category() == pkcs11_category()) {
    const auto rv = static_cast<CK_RV>(code.value());
    // The stage decides what a code means. Opening a session or searching has nothing of the request in it; only of
    // what was done with the key can a client be the cause.
    switch (what.at) {
      case stage::session:
      case stage::search: return false;
      case stage::login: return is_of_pin(rv);
      case stage::work: return is_of_pin(rv) || is_of_request(rv);
    }
  }
  if (what.at == stage::login) return true;  // no PIN, one that is known to be wrong, or its source
  // A key that was there when it was opened and is not found now is a fault of the token; one that was never there is a
  // fault of the URI.
  if (code == errc::key_not_found) return work.what == first_look;
  return code == errc::key_ambiguous || code == errc::key_mismatch || code == errc::key_type_unsupported;
}

failure token_pool::state::shed(errc cause, const std::string& detail, const std::string& remedy) const {
  auto error = make_failure(cause, "token \"" + label + "\"", detail, remedy);
  error.token = label;
  return error;
}

failure token_pool::state::down_failure() const {
  std::string remedy = "it is probed every half second and used again as soon as it answers";
  if (!why_not_reinitialized.empty()) {
    remedy += "; C_Finalize, which may be what it needs, is not called: " + why_not_reinitialized;
  }
  return shed(errc::token_down, "its last answer was " + code_name(last_error.code), remedy);
}

failure token_pool::state::stuck_failure() const {
  return shed(errc::token_down, "every worker is stuck in a call that does not return",
              "restart what the token depends on; it is used again when a call returns");
}

failure token_pool::state::late_failure() const {
  return shed(errc::key_timed_out, "its turn came after its deadline", "use more sessions, or a faster token");
}

failure token_pool::state::hung_failure() const {
  return shed(errc::key_timed_out,
              "a call of the token has not returned within " + std::to_string(options.hang_timeout.count()) + " ms",
              "see whether the token or the service behind it answers at all");
}

// Gives the lock back meanwhile.
void token_pool::state::refuse_all(const failure& error, lock_type& lock) {
  auto refused = queue.take_all();
  if (refused.empty()) return;
  totals.shed_down += refused.size();
  lock.unlock();
  for (auto& work : refused) answer(work.done, error);
  lock.lock();
}

// An exception of the caller's code is the caller's, and ends with it.
void token_pool::state::answer(std::function<void(result<der::bytes>)>& done, result<der::bytes> what) noexcept {
  try {
    if (done) done(std::move(what));
    done = nullptr;
  } catch (...) {
    // What the function of a caller throws ends here: it cannot be reported to anyone.
  }
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
