// SPDX-License-Identifier: Apache-2.0
#include "faults.hpp"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <thread>
#include <utility>

namespace sluice::faulty {
namespace {

constexpr const char* default_targets[] = {"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                                           "/usr/lib/softhsm/libsofthsm2.so", "libsofthsm2.so"};
constexpr int generation_shift = 48;  // real handles are small; the upper bits say when one was given out
constexpr CK_ULONG handle_mask = (CK_ULONG{1} << generation_shift) - 1;

std::string text_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? value : "";
}

std::minstd_rand& random() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return engine;
}

void sleep(const delay& d) {
  std::uniform_int_distribution<long> between(d.least.count(), std::max(d.least.count(), d.most.count()));
  std::this_thread::sleep_for(std::chrono::microseconds(between(random())));
}

}  // namespace

faults::faults() : file_(text_of("SLUICE_FAULTY_SCRIPT")) {}

faults& faults::instance() {
  // Never destroyed: a thread may be stuck in a call while the process ends.
  static auto& one = *std::unique_ptr<faults>(new faults).release();
  return one;
}

CK_RV faults::load() {
  const std::lock_guard lock(gate_);
  if (target_ != nullptr) return CKR_OK;
  void* handle = nullptr;
  if (const auto path = text_of("SLUICE_FAULTY_TARGET"); !path.empty()) {
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  } else {
    for (const auto* candidate : default_targets) {
      if (handle == nullptr) handle = dlopen(candidate, RTLD_NOW | RTLD_LOCAL);
    }
  }
  const auto get_list = handle ? reinterpret_cast<CK_C_GetFunctionList>(dlsym(handle, "C_GetFunctionList")) : nullptr;
  if (get_list == nullptr || get_list(&target_) != CKR_OK) {
    std::fprintf(stderr, "sluice-faulty-pkcs11: cannot load its target: %s\n",
                 handle ? "no C_GetFunctionList" : dlerror());
    return CKR_GENERAL_ERROR;
  }
  return CKR_OK;
}

std::shared_ptr<const script> faults::now() {
  const std::lock_guard lock(gate_);
  bool is_new = false;
  auto s = file_.current(is_new);
  if (is_new) {
    calls_.clear();
    old_sessions_ = sessions_;
    was_finalized_ = false;
    apply_changes(*s);
  }
  return s;
}

// With the lock held.
void faults::apply_changes(const script& s) {
  const auto lose_sessions = [this] {
    to_close_.insert(to_close_.end(), sessions_.begin(), sessions_.end());
    lost_.insert(sessions_.begin(), sessions_.end());
    sessions_.clear();
  };
  if (target_ == nullptr) return;
  if (std::exchange(sessions_lost_at_, s.lose_sessions) != s.lose_sessions) lose_sessions();
  if (std::exchange(handles_lost_at_, s.lose_handles) != s.lose_handles) ++handle_generation_;
  if (std::exchange(logged_out_at_, s.log_out) != s.log_out) must_log_out_ = true;
  if (std::exchange(was_unplugged_, s.unplugged) != s.unplugged) {
    lose_sessions();
    ++handle_generation_;
  }
}

void faults::settle_losses() {
  {
    const std::lock_guard lock(gate_);
    if (to_close_.empty() && !must_log_out_) return;
  }
  const std::unique_lock nobody_inside(in_target_, std::try_to_lock);
  if (!nobody_inside) return;
  const std::lock_guard lock(gate_);
  for (const auto session : std::exchange(to_close_, {})) target_->C_CloseSession(session);
  if (std::exchange(must_log_out_, false) && !sessions_.empty()) target_->C_Logout(*sessions_.begin());
}

void faults::wait_while_hung(const char* function, std::uint64_t call) {
  for (;;) {
    const auto s = now();
    bool is_hung = false;
    for (const auto& h : s->hangs) is_hung = is_hung || (h.function == function && (h.nth == 0 || h.nth == call));
    if (!is_hung) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

std::optional<CK_RV> faults::scripted(const script& s, const char* function, CK_SESSION_HANDLE session,
                                      std::uint64_t call, bool after) {
  const std::lock_guard lock(gate_);
  for (const auto& a : s.answers) {
    if ((a.old_sessions && !old_sessions_.contains(session)) || (a.until_finalize && was_finalized_)) continue;
    if (a.after != after || (a.function != function && a.function != "*")) continue;
    if (a.nth != 0 && a.nth != call) continue;
    if (a.every != 0 && call % a.every != 0) continue;
    if (a.probability < 1.0 && !std::bernoulli_distribution(a.probability)(random())) continue;
    return a.value;
  }
  return std::nullopt;
}

CK_RV faults::around(const char* function, const std::function<CK_RV()>& call_target, CK_SESSION_HANDLE session) {
  const auto s = now();
  settle_losses();
  const auto work = [&] {
    const std::shared_lock inside(in_target_);
    return call_target();
  };
  const bool is_crowded = inside_.fetch_add(1) > 0;
  struct leave {
    std::atomic<int>& inside;
    ~leave() { inside.fetch_sub(1); }
  } const left{inside_};
  if (s->is_single_threaded && is_crowded) {
    std::fprintf(stderr, "sluice-faulty-pkcs11: %s was called while another call was under way\n", function);
    return CKR_GENERAL_ERROR;
  }
  std::uint64_t call = 0;
  {
    const std::lock_guard lock(gate_);
    call = ++calls_[function];
  }
  const auto own = s->latency.find(function);
  const auto others = s->latency.find("*");
  if (own != s->latency.end()) {
    sleep(own->second);
  } else if (others != s->latency.end()) {
    sleep(others->second);
  }
  wait_while_hung(function, call);
  if (const auto rv = scripted(*s, function, session, call, false)) {
    // A failed C_Sign ends its operation (PKCS#11 v2.40 §5.11), so the target's must end as well.
    const std::string_view name = function;
    if ((name == "C_Sign" || name == "C_Decrypt") && *rv != CKR_BUFFER_TOO_SMALL) work();
    return *rv;
  }
  const auto rv = work();
  if (const auto instead = scripted(*s, function, session, call, true)) return *instead;
  return rv;
}

CK_RV faults::open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify,
                           CK_SESSION_HANDLE* session) {
  const auto s = now();
  if (s->unplugged) return CKR_TOKEN_NOT_PRESENT;
  const std::lock_guard lock(gate_);
  if (s->session_limit != 0 && sessions_.size() >= s->session_limit) return CKR_SESSION_COUNT;
  const auto rv = target_->C_OpenSession(slot, flags, application, notify, session);
  if (rv == CKR_OK) {
    sessions_.insert(*session);
    lost_.erase(*session);
  }
  return rv;
}

CK_RV faults::close_session(CK_SESSION_HANDLE session) {
  if (const auto rv = session_trouble(session)) return *rv;
  const auto rv = target_->C_CloseSession(session);
  const std::lock_guard lock(gate_);
  sessions_.erase(session);
  authenticated_.erase(session);
  return rv;
}

CK_RV faults::close_all_sessions(CK_SLOT_ID slot) {
  if (now()->unplugged) return CKR_TOKEN_NOT_PRESENT;
  const auto rv = target_->C_CloseAllSessions(slot);
  const std::lock_guard lock(gate_);
  CK_SESSION_INFO info{};
  std::erase_if(sessions_, [&](auto session) { return target_->C_GetSessionInfo(session, &info) != CKR_OK; });
  return rv;
}

std::optional<CK_RV> faults::session_trouble(CK_SESSION_HANDLE session) {
  const auto s = now();
  if (s->unplugged) return CKR_DEVICE_REMOVED;
  const std::lock_guard lock(gate_);
  if (lost_.contains(session) || !sessions_.contains(session)) return CKR_SESSION_HANDLE_INVALID;
  return std::nullopt;
}

CK_OBJECT_HANDLE faults::to_caller(CK_OBJECT_HANDLE object) {
  const std::lock_guard lock(gate_);
  return object | (handle_generation_ << generation_shift);
}

bool faults::is_current(CK_OBJECT_HANDLE object) {
  const std::lock_guard lock(gate_);
  return object >> generation_shift == handle_generation_;
}

CK_OBJECT_HANDLE faults::to_target(CK_OBJECT_HANDLE object) noexcept { return object & handle_mask; }

void faults::forget_everything() {
  const std::lock_guard lock(gate_);
  sessions_.clear();
  to_close_.clear();
  must_log_out_ = false;
  lost_.clear();
  authenticated_.clear();
  old_sessions_.clear();
  was_finalized_ = true;
}

CK_RV faults::login(CK_SESSION_HANDLE session, CK_USER_TYPE who, unsigned char* pin, CK_ULONG size) {
  const auto s = now();
  std::string pad = s->pad.value_or("");
  if (pin == nullptr && s->pad) {
    pin = reinterpret_cast<unsigned char*>(pad.data());
    size = pad.size();
  }
  const std::string_view given(reinterpret_cast<const char*>(pin), pin != nullptr ? size : 0);
  if (who == CKU_CONTEXT_SPECIFIC && s->always_authenticate) return login_for_one_signature(*s, session, given);
  {
    const std::lock_guard lock(gate_);
    if (is_locked(*s)) return CKR_PIN_LOCKED;
  }
  const auto rv = target_->C_Login(session, who, pin, size);
  const std::lock_guard lock(gate_);
  if (rv == CKR_PIN_INCORRECT) ++wrong_pins_;
  if (rv == CKR_OK) {
    wrong_pins_ = 0;
    right_pin_ = given;
  }
  return rv;
}

// The target does not ask for it, so its answer is made here: wrong is any PIN but the one that logged in.
CK_RV faults::login_for_one_signature(const script& s, CK_SESSION_HANDLE session, std::string_view pin) {
  const std::lock_guard lock(gate_);
  if (is_locked(s)) return CKR_PIN_LOCKED;
  if (pin.empty() || (right_pin_ && pin != *right_pin_)) {
    ++wrong_pins_;
    return CKR_PIN_INCORRECT;
  }
  wrong_pins_ = 0;
  authenticated_.insert(session);
  return CKR_OK;
}

void faults::sign_begun(CK_SESSION_HANDLE session) {
  const std::lock_guard lock(gate_);
  authenticated_.erase(session);
}

CK_RV faults::sign_allowed(CK_SESSION_HANDLE session) {
  if (!now()->always_authenticate) return CKR_OK;
  const std::lock_guard lock(gate_);
  return authenticated_.erase(session) == 1 ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

void faults::adjust(CK_TOKEN_INFO& info) {
  const auto s = now();
  const std::lock_guard lock(gate_);
  const auto left = s->tries > wrong_pins_ ? s->tries - wrong_pins_ : 0;
  if (s->locked || (s->tries != 0 && left == 0)) info.flags |= CKF_USER_PIN_LOCKED;
  if (s->final_try || (s->tries != 0 && left == 1)) info.flags |= CKF_USER_PIN_FINAL_TRY;
  if (s->tries != 0 && wrong_pins_ > 0) info.flags |= CKF_USER_PIN_COUNT_LOW;
  if (s->to_be_changed) info.flags |= CKF_USER_PIN_TO_BE_CHANGED;
  info.ulSessionCount = sessions_.size();  // the target may not count
  if (s->pad) info.flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  if (s->session_limit != 0 && s->announces_session_limit) {
    info.ulMaxSessionCount = s->session_limit;
    info.ulMaxRwSessionCount = s->session_limit;
  }
}

}  // namespace sluice::faulty
