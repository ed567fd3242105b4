// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module in the test itself, whose calls take simulated time and go wrong as they are told. One at a time.
#pragma once

#include "pkcs11/library.hpp"
#include "sluice/pkcs11/uri.hpp"
#include "support/simulated_runtime.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace sluice::test {

// What goes wrong in one function. It ends by itself, at C_Finalize, or when it is taken away.
struct simulated_fault {
  enum class kind : std::uint8_t { answer, latency, hang } what = kind::answer;
  std::string function;  // "C_Sign"
  CK_RV value = CKR_OK;
  std::uint64_t times = 0;          // 0: as long as it is there
  bool is_of_old_sessions = false;  // only in those that were open when it came
  bool ends_at_finalize = false;
  CK_ULONG input_size = 0;            // C_Sign of so many bytes only; 0: of any
  CK_ULONG says = 0;                  // with its answer, for the length or count that it gives
  pkcs11::runtime::duration takes{};  // latency
  pkcs11::runtime::time_point ended_at = pkcs11::runtime::never;  // written by the module

  CK_SESSION_HANDLE newest_session = 0;
  std::uint64_t hits = 0;
  bool is_over() const noexcept { return ended_at != pkcs11::runtime::never; }
};

class simulated_module {
 public:
  explicit simulated_module(simulated_runtime& world, std::size_t tokens = 1);
  ~simulated_module();

  // What every load of it shares.
  const std::shared_ptr<pkcs11::module_core>& core() const noexcept { return core_; }
  // Each has the key "site" on P-256, the PIN "1234" and a serial number that no other module of the process had.
  pkcs11::uri token(std::size_t number = 0) const;

  simulated_fault& add(simulated_fault fault);
  void remove(const simulated_fault& fault);  // whatever it holds up goes on

  struct counters {
    std::uint64_t initialized = 0, finalized = 0, logins = 0, wrong_pins = 0, signatures = 0, slot_lists = 0;
    std::size_t max_sessions = 0;  // at once
    std::size_t crowded = 0;       // calls while another was under way, of a module that cannot lock
  };
  counters seen;
  std::size_t sessions() const noexcept { return sessions_.size(); }
  std::size_t inside() const noexcept { return inside_; }
  std::uint64_t session_limit = 0;  // 0: none
  bool is_single_threaded = false;  // it cannot lock
  void unplug(CK_SLOT_ID slot);     // its sessions do not come back with it
  void plug_in(CK_SLOT_ID slot) { unplugged_.erase(slot); }

 private:
  struct session {
    CK_SLOT_ID slot = 0;
    bool is_signing = false, is_searching = false;
    std::vector<CK_OBJECT_HANDLE> found;
  };
  friend struct simulated_calls;
  template <class Body>
  CK_RV around(const char* function, CK_SESSION_HANDLE session, Body body);
  bool concerns(const simulated_fault& fault, const char* function, CK_SESSION_HANDLE session) const;
  struct details {
    CK_ULONG input = 0;         // of C_Sign
    CK_ULONG* given = nullptr;  // where a length or count is put
  };
  CK_RV misbehave(const char* function, CK_SESSION_HANDLE session, const details& of, bool& is_answered);
  void hit(simulated_fault& fault);
  session* find(CK_SESSION_HANDLE handle, CK_RV& error);
  bool is_gone(CK_SLOT_ID slot) const { return unplugged_.contains(slot); }
  void close(CK_SESSION_HANDLE handle);
  void fill_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO& info) const;

  simulated_runtime& world_;
  const std::size_t tokens_;
  const std::uint64_t number_;
  CK_FUNCTION_LIST list_{};
  std::shared_ptr<pkcs11::module_core> core_;
  std::set<CK_SLOT_ID> unplugged_;
  bool is_initialized_ = false;
  std::map<CK_SESSION_HANDLE, session> sessions_;
  CK_SESSION_HANDLE last_session_ = 0;
  std::set<CK_SLOT_ID> logged_in_;
  std::list<simulated_fault> faults_;
  std::unique_ptr<pkcs11::runtime::event> goes_on_;
  std::size_t inside_ = 0;
  details next_;  // of the call that begins
};

}  // namespace sluice::test
