// SPDX-License-Identifier: Apache-2.0
#include "support/simulated_module.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace sluice::test {
namespace {

using namespace std::string_view_literals;

simulated_module* current = nullptr;
std::uint64_t modules_made = 0;

constexpr CK_OBJECT_HANDLE key_handle = 7;
constexpr std::string_view pin = "1234";
constexpr auto p256 = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"sv;

void pad(unsigned char* field, std::size_t size, std::string_view text) {
  std::memset(field, ' ', size);
  std::memcpy(field, text.data(), std::min(size, text.size()));
}

CK_RV give(CK_ATTRIBUTE& a, std::string_view value) {
  if (a.pValue != nullptr && a.ulValueLen < value.size()) return CKR_BUFFER_TOO_SMALL;
  if (a.pValue != nullptr) std::memcpy(a.pValue, value.data(), value.size());
  a.ulValueLen = value.size();
  return CKR_OK;
}

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

CK_RV attribute(CK_ATTRIBUTE& a) {
  constexpr CK_KEY_TYPE type = CKK_ECDSA;
  constexpr CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  static const std::string point = "\x04\x41\x04" + std::string(64, 'x');
  switch (a.type) {
    case CKA_KEY_TYPE: return give(a, bytes_of(type));
    case CKA_EC_PARAMS: return give(a, p256);
    case CKA_EC_POINT: return give(a, point);
    case CKA_LABEL: return give(a, "site");
    case CKA_ID: return give(a, "\x01");
    case CKA_SIGN: return give(a, bytes_of(yes));
    case CKA_ALWAYS_AUTHENTICATE: return give(a, bytes_of(no));
    default: a.ulValueLen = CK_UNAVAILABLE_INFORMATION; return CKR_ATTRIBUTE_TYPE_INVALID;
  }
}

}  // namespace

// --- What goes wrong. ---

bool simulated_module::concerns(const simulated_fault& f, const char* function, CK_SESSION_HANDLE session) const {
  if (f.is_over() || f.function != function) return false;
  return !f.is_of_old_sessions || (session != 0 && session <= f.newest_session);
}

void simulated_module::hit(simulated_fault& f) {
  if (++f.hits == f.times) f.ended_at = world_.now();
}

CK_RV simulated_module::misbehave(const char* function, CK_SESSION_HANDLE session, const details& of,
                                  bool& is_answered) {
  std::mutex none;
  for (auto& f : faults_) {
    if (!concerns(f, function, session) || (f.input_size != 0 && f.input_size != of.input)) continue;
    switch (f.what) {
      case simulated_fault::kind::latency: world_.sleep_for(f.takes); break;
      case simulated_fault::kind::hang: {
        const bool is_one_of = f.times == 0 || f.hits < f.times;
        if (!is_one_of) break;
        ++f.hits;
        std::unique_lock lock(none);
        while (!f.is_over()) goes_on_->wait(lock, pkcs11::runtime::never);
        break;
      }
      case simulated_fault::kind::answer:
        hit(f);
        is_answered = true;
        if (f.says != 0 && of.given != nullptr) *of.given = f.says;
        return f.value;
    }
  }
  return CKR_OK;
}

template <class Body>
CK_RV simulated_module::around(const char* function, CK_SESSION_HANDLE session, Body body) {
  if (inside_++ > 0 && is_single_threaded) ++seen.crowded;
  const auto of = std::exchange(next_, {});
  const bool is_signature = function == "C_Sign"sv;
  world_.sleep_for(std::chrono::microseconds(is_signature ? 1000 + world_.random()() % 4000 : world_.random()() % 50));
  bool is_answered = false;
  auto rv = misbehave(function, session, of, is_answered);
  if (!is_answered) {
    const bool needs_start = function != "C_Initialize"sv;
    rv = needs_start && !is_initialized_ ? CKR_CRYPTOKI_NOT_INITIALIZED : body();
  } else if (const auto found = sessions_.find(session); found != sessions_.end()) {
    // As PKCS#11 2.40 has it of a call that failed: its operation has ended. A session asked to close counts as closed.
    if (is_signature && rv != CKR_BUFFER_TOO_SMALL) found->second.is_signing = false;
    if (function == "C_CloseSession"sv) close(session);
  }
  --inside_;
  return rv;
}

simulated_fault& simulated_module::add(simulated_fault fault) {
  fault.newest_session = last_session_;
  faults_.push_back(std::move(fault));
  return faults_.back();
}

void simulated_module::remove(const simulated_fault& fault) {
  for (auto& f : faults_) {
    if (&f == &fault && !f.is_over()) f.ended_at = world_.now();
  }
  goes_on_->notify_all();
}

simulated_module::session* simulated_module::find(CK_SESSION_HANDLE handle, CK_RV& error) {
  const auto found = sessions_.find(handle);
  error = CKR_SESSION_HANDLE_INVALID;
  if (found == sessions_.end()) return nullptr;
  error = CKR_DEVICE_REMOVED;
  return is_gone(found->second.slot) ? nullptr : &found->second;
}

void simulated_module::close(CK_SESSION_HANDLE handle) {
  const auto found = sessions_.find(handle);
  if (found == sessions_.end()) return;
  const auto slot = found->second.slot;
  sessions_.erase(found);
  const auto is_there = [slot](const auto& s) { return s.second.slot == slot; };
  if (std::ranges::none_of(sessions_, is_there)) logged_in_.erase(slot);
}

void simulated_module::fill_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO& info) const {
  info = {};
  pad(info.label, sizeof info.label, "simulated");
  pad(info.manufacturerID, sizeof info.manufacturerID, "Sluice");
  pad(info.model, sizeof info.model, "test");
  pad(info.serialNumber, sizeof info.serialNumber, std::to_string(number_) + "-" + std::to_string(slot));
  info.flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
  info.ulMaxSessionCount = info.ulMaxRwSessionCount = CK_UNAVAILABLE_INFORMATION;
}

pkcs11::uri simulated_module::token(std::size_t number) const {
  pkcs11::uri u;
  u.token = "simulated";
  u.serial = std::to_string(number_) + "-" + std::to_string(number);
  return u;
}

void simulated_module::unplug(CK_SLOT_ID slot) {
  unplugged_.insert(slot);
  std::erase_if(sessions_, [slot](const auto& s) { return s.second.slot == slot; });
  logged_in_.erase(slot);
}

// --- The functions. ---

struct simulated_calls {
  static simulated_module& m() { return *current; }

  static CK_RV initialize(void* args) {
    return m().around("C_Initialize", 0, [args]() -> CK_RV {
      const auto* given = static_cast<const CK_C_INITIALIZE_ARGS*>(args);
      const bool may_lock = given != nullptr && (given->flags & CKF_OS_LOCKING_OK) != 0;
      if (m().is_single_threaded && may_lock) return CKR_CANT_LOCK;
      if (m().is_initialized_) return CKR_CRYPTOKI_ALREADY_INITIALIZED;
      m().is_initialized_ = true;
      ++m().seen.initialized;
      return CKR_OK;
    });
  }
  static CK_RV finalize(void*) {
    return m().around("C_Finalize", 0, []() -> CK_RV {
      m().is_initialized_ = false;
      m().sessions_.clear();
      m().logged_in_.clear();
      ++m().seen.finalized;
      for (auto& f : m().faults_) {
        if (f.ends_at_finalize) m().remove(f);
      }
      return CKR_OK;
    });
  }
  static CK_RV get_info(CK_INFO* info) {
    return m().around("C_GetInfo", 0, [info]() -> CK_RV {
      *info = {};
      info->cryptokiVersion = {2, 40};
      return CKR_OK;
    });
  }
  static CK_RV get_slot_list(unsigned char, CK_SLOT_ID* slots, CK_ULONG* count) {
    m().next_ = {.input = 0, .given = count};
    return m().around("C_GetSlotList", 0, [&]() -> CK_RV {
      ++m().seen.slot_lists;
      std::vector<CK_SLOT_ID> there;
      for (CK_SLOT_ID slot = 0; slot < m().tokens_; ++slot) {
        if (!m().is_gone(slot)) there.push_back(slot);
      }
      const bool is_too_small = slots != nullptr && *count < there.size();
      *count = there.size();
      if (is_too_small) return CKR_BUFFER_TOO_SMALL;
      if (slots != nullptr) std::ranges::copy(there, slots);
      return CKR_OK;
    });
  }
  static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
    return m().around("C_GetTokenInfo", 0, [&]() -> CK_RV {
      if (m().is_gone(slot)) return CKR_TOKEN_NOT_PRESENT;
      m().fill_token_info(slot, *info);
      return CKR_OK;
    });
  }
  static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS, void*, CK_NOTIFY, CK_SESSION_HANDLE* handle) {
    return m().around("C_OpenSession", 0, [&]() -> CK_RV {
      if (m().is_gone(slot)) return CKR_TOKEN_NOT_PRESENT;
      if (m().session_limit != 0 && m().sessions_.size() >= m().session_limit) return CKR_SESSION_COUNT;
      *handle = ++m().last_session_;
      m().sessions_[*handle].slot = slot;
      m().seen.max_sessions = std::max(m().seen.max_sessions, m().sessions_.size());
      return CKR_OK;
    });
  }
  template <class Body>
  static CK_RV in_session(const char* function, CK_SESSION_HANDLE handle, Body body) {
    return m().around(function, handle, [&]() -> CK_RV {
      CK_RV error = CKR_OK;
      auto* const s = m().find(handle, error);
      return s == nullptr ? error : body(*s);
    });
  }
  static CK_RV close_session(CK_SESSION_HANDLE handle) {
    return in_session("C_CloseSession", handle, [handle](auto&) -> CK_RV {
      m().close(handle);
      return CKR_OK;
    });
  }
  static CK_RV get_session_info(CK_SESSION_HANDLE handle, CK_SESSION_INFO* info) {
    return in_session("C_GetSessionInfo", handle, [info](auto& s) -> CK_RV {
      *info = {};
      info->state = m().logged_in_.contains(s.slot) ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION;
      return CKR_OK;
    });
  }
  static CK_RV login(CK_SESSION_HANDLE handle, CK_USER_TYPE, unsigned char* text, CK_ULONG size) {
    return in_session("C_Login", handle, [&](auto& s) -> CK_RV {
      ++m().seen.logins;
      if (std::string_view(reinterpret_cast<char*>(text), size) != pin) {
        ++m().seen.wrong_pins;
        return CKR_PIN_INCORRECT;
      }
      return m().logged_in_.insert(s.slot).second ? CKR_OK : CKR_USER_ALREADY_LOGGED_IN;
    });
  }
  static CK_RV find_init(CK_SESSION_HANDLE handle, CK_ATTRIBUTE* query, CK_ULONG count) {
    return in_session("C_FindObjectsInit", handle, [&](auto& s) -> CK_RV {
      if (std::exchange(s.is_searching, true)) return CKR_OPERATION_ACTIVE;
      bool fits = m().logged_in_.contains(s.slot);
      for (CK_ULONG i = 0; i < count; ++i) {
        const std::string_view value(static_cast<char*>(query[i].pValue), query[i].ulValueLen);
        if (query[i].type == CKA_CLASS) fits = fits && value == bytes_of(CK_OBJECT_CLASS{CKO_PRIVATE_KEY});
        if (query[i].type == CKA_LABEL) fits = fits && value == "site";
      }
      s.found.clear();
      if (fits) s.found.push_back(key_handle);
      return CKR_OK;
    });
  }
  static CK_RV find_objects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE* found, CK_ULONG most, CK_ULONG* count) {
    m().next_ = {.input = 0, .given = count};
    return in_session("C_FindObjects", handle, [&](auto& s) -> CK_RV {
      if (!s.is_searching) return CKR_OPERATION_NOT_INITIALIZED;
      *count = std::min<CK_ULONG>(most, s.found.size());
      std::copy_n(s.found.begin(), *count, found);
      s.found.erase(s.found.begin(), s.found.begin() + static_cast<std::ptrdiff_t>(*count));
      return CKR_OK;
    });
  }
  static CK_RV find_final(CK_SESSION_HANDLE handle) {
    return in_session("C_FindObjectsFinal", handle, [](auto& s) -> CK_RV {
      return std::exchange(s.is_searching, false) ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED;
    });
  }
  static CK_RV get_attributes(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* all, CK_ULONG count) {
    m().next_ = {.input = 0, .given = &all->ulValueLen};
    return in_session("C_GetAttributeValue", handle, [&](auto&) -> CK_RV {
      if (object != key_handle) return CKR_OBJECT_HANDLE_INVALID;
      auto rv = CKR_OK;
      for (CK_ULONG i = 0; i < count; ++i) {
        if (const auto one = attribute(all[i]); one != CKR_OK) rv = one;
      }
      return rv;
    });
  }
  static CK_RV sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
    return in_session("C_SignInit", handle, [&](auto& s) -> CK_RV {
      if (mechanism->mechanism != CKM_ECDSA) return CKR_MECHANISM_INVALID;
      if (key != key_handle) return CKR_KEY_HANDLE_INVALID;
      if (!m().logged_in_.contains(s.slot)) return CKR_USER_NOT_LOGGED_IN;
      return std::exchange(s.is_signing, true) ? CKR_OPERATION_ACTIVE : CKR_OK;
    });
  }
  static CK_RV sign(CK_SESSION_HANDLE handle, unsigned char*, CK_ULONG input, unsigned char* out, CK_ULONG* size) {
    m().next_ = {.input = input, .given = size};
    return in_session("C_Sign", handle, [&](auto& s) -> CK_RV {
      if (!std::exchange(s.is_signing, false)) return CKR_OPERATION_NOT_INITIALIZED;
      if (!m().logged_in_.contains(s.slot)) return CKR_USER_NOT_LOGGED_IN;
      std::memset(out, 1, 64);
      *size = 64;
      ++m().seen.signatures;
      return CKR_OK;
    });
  }
};

simulated_module::simulated_module(simulated_runtime& world, std::size_t tokens)
    : world_(world), tokens_(tokens), number_(++modules_made), goes_on_(world.make_event()) {
  current = this;
  core_ = std::make_shared<pkcs11::module_core>(world);
  core_->functions = &list_;
  list_.version = {2, 40};
  list_.C_Initialize = simulated_calls::initialize;
  list_.C_Finalize = simulated_calls::finalize;
  list_.C_GetInfo = simulated_calls::get_info;
  list_.C_GetSlotList = simulated_calls::get_slot_list;
  list_.C_GetTokenInfo = simulated_calls::get_token_info;
  list_.C_OpenSession = simulated_calls::open_session;
  list_.C_CloseSession = simulated_calls::close_session;
  list_.C_GetSessionInfo = simulated_calls::get_session_info;
  list_.C_Login = simulated_calls::login;
  list_.C_FindObjectsInit = simulated_calls::find_init;
  list_.C_FindObjects = simulated_calls::find_objects;
  list_.C_FindObjectsFinal = simulated_calls::find_final;
  list_.C_GetAttributeValue = simulated_calls::get_attributes;
  list_.C_SignInit = simulated_calls::sign_init;
  list_.C_Sign = simulated_calls::sign;
}

simulated_module::~simulated_module() { current = nullptr; }

}  // namespace sluice::test
