// SPDX-License-Identifier: Apache-2.0
// The recovery ladder, inside one piece of work: a new session, the key found again, a new login, each once.
#include "pkcs11/key_attributes.hpp"
#include "pkcs11/pool_state.hpp"

#include <array>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

using state = token_pool::state;

CK_RV rv_of(const failure& error) {
  return error.code.category() == pkcs11_category() ? static_cast<CK_RV>(error.code.value()) : CKR_OK;
}

// Some tokens say so; others just do not show private keys to a session that is not logged in. Whether it is now says
// nothing of then: another worker may have logged in meanwhile.
bool may_be_logged_out(const failure& error) {
  return rv_of(error) == CKR_USER_NOT_LOGGED_IN || (error.code == errc::key_not_found && rv_of(error) == CKR_OK);
}

// What was climbed already, on the way to the key and in the work itself: each has its own second try.
// Each rung is climbed once at most, on the way to the key and once more in the work itself; so the loop of attempt()
// runs seven times at most, whatever the token answers.
struct rungs {
  bool reopened = false;
  bool found_again = false;
  bool logged_in_again = false;
};

}  // namespace

void token_pool::state::count_answer(CK_RV rv) {
  const std::lock_guard lock(gate);
  ++totals.answers[ckr_text(rv)];
}

failure token_pool::state::counted(failure error) {
  if (const auto rv = rv_of(error); rv != CKR_OK) count_answer(rv);
  return error;
}

// On the worker's thread, inside module_visit, without the lock; it is taken for the figures alone. Which rung follows
// is decided by the answer: a session that was lost takes its handles along, a handle alone is looked for again, and a
// lost login makes private keys invisible, so the key is looked for again after the new login.
state::outcome token_pool::state::attempt(worker& w, const sample& work) {
  if (w.generation != lib->generation()) {  // the module was initialised anew: nothing from before is valid
    // Not closed: under the old number there may be a session of somebody else by now.
    w.s.forget();
    w.handles.clear();
    w.generation = lib->generation();
  }
  std::array<rungs, 2> climbed;
  auto hint = login_hint::fine;
  for (;;) {
    auto what = attempt_once(w, work, std::exchange(hint, login_hint::fine));
    if (what.is_answered()) return what;
    const auto& error = what.made.error();
    const auto rv = rv_of(error);
    auto& mine = climbed[what.at == stage::work ? 1 : 0];
    if (is_session_lost(rv) && !std::exchange(mine.reopened, true)) {
      drop_session(w);
      const std::lock_guard lock(gate);
      ++totals.sessions_reopened;
    } else if (is_handle_lost(rv) && !std::exchange(mine.found_again, true)) {
      w.handles.erase(work.key);
      const std::lock_guard lock(gate);
      ++totals.keys_found_again;
    } else if (may_be_logged_out(error) && !std::exchange(mine.logged_in_again, true)) {
      hint = rv == CKR_USER_NOT_LOGGED_IN ? login_hint::lost : login_hint::doubtful;
      w.handles.erase(work.key);
    } else {
      // A session in which something failed for reasons unknown is not used again: an operation may be left active in
      // it. After a fault of the request itself it is kept; should an operation be left active then, the first rung
      // mends that.
      if (!is_request_s_own(what, work)) drop_session(w);
      return what;
    }
  }
}

state::outcome token_pool::state::attempt_once(worker& w, const sample& work, login_hint hint) {
  auto& key = *work.key;
  if (!w.s.is_open()) {
    if (auto opened = open_session(w); !opened) return {opened.error(), stage::session};
    // If this was the only session, the login went with the last one (PKCS#11 v2.40 §5.6): the token is asked, once for
    // each new session.
    if (hint == login_hint::fine) hint = login_hint::doubtful;
  }
  auto logged_in = login.ensure(w.s, slot, hint);
  if (!logged_in) return {counted(logged_in.error()), stage::login};
  if (*logged_in) {
    const std::lock_guard lock(gate);
    ++totals.logins;
  }
  const auto cached = w.handles.find(work.key);
  CK_OBJECT_HANDLE handle = cached != w.handles.end() ? cached->second : CK_INVALID_HANDLE;
  if (handle == CK_INVALID_HANDLE) {
    auto located = locate(w, key);
    if (!located) return {counted(located.error()), stage::search};
    handle = *located;
    w.handles[work.key] = handle;
  }
  std::function<CK_RV(const session&)> authenticate;
  if (key.always_authenticate) {
    authenticate = [this](const session& s) { return login.authenticate_once(s, slot); };
  }
  auto made = work.work({w.s, handle, key, authenticate});
  const bool is_ckr = !made && made.error().category() == pkcs11_category();
  const auto rv = is_ckr ? static_cast<CK_RV>(made.error().value()) : CKR_OK;
  count_answer(rv);
  if (made) return {std::move(*made), stage::work};
  auto error = is_ckr ? ckr_failure(rv, key.name)
                      : make_failure(made.error(), key.name, "the signature has an odd or empty length");
  error.token = label;
  return {std::move(error), stage::work};
}

result<void> token_pool::state::open_session(worker& w) {
  const auto rv = w.s.open(slot);
  count_answer(rv);
  if (rv == CKR_OK) {
    const std::lock_guard lock(gate);
    w.has_session = true;
    limit.opened(open_sessions(), world.now());
    return {};
  }
  w.s.forget();
  auto error = ckr_failure(rv, "token \"" + label + "\"", "C_OpenSession");
  error.token = label;
  return error;
}

void token_pool::state::drop_session(worker& w) {
  w.handles.clear();
  w.s.close();
  const std::lock_guard lock(gate);
  w.has_session = false;
}

// The key, and that it is the key we know: a token may hold another under the same name by now.
result<CK_OBJECT_HANDLE> token_pool::state::locate(worker& w, key_record& key) {
  auto found = find_one(w.s, key.search, key.name, label);
  if (!found) return found.error();
  if (!key.public_key) return *found;
  if (const auto now = replacement_of(*key.public_key, w.s, *found, key.search)) {
    auto error = make_failure(
        errc::key_mismatch, key.name,
        "the key was replaced: it was " + fingerprint(*key.public_key) + ", now it is " + fingerprint(*now),
        "install the certificate of the new key, and restart or reload");
    error.token = label;
    return error;
  }
  return *found;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
