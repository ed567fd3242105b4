// SPDX-License-Identifier: Apache-2.0
// The misbehaviour: what stands between a caller and the module behind.
#pragma once

#include "script.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>

namespace sluice::faulty {

// One a process. The functions the module exports ask it before, and sometimes instead of, asking the target.
class faults {
 public:
  static faults& instance();

  // Loads the target on first use. CKR_OK, or why there is none.
  CK_RV load();
  CK_FUNCTION_LIST* target() const noexcept { return target_; }
  std::shared_ptr<const script> now();

  // A whole call, in that session if it has one: latency, hangs, scripted answers, thread checks around it.
  CK_RV around(const char* function, const std::function<CK_RV()>& call_target,
               CK_SESSION_HANDLE session = CK_INVALID_HANDLE);

  // Sessions and handles as callers see them.
  CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify, CK_SESSION_HANDLE* session);
  CK_RV close_session(CK_SESSION_HANDLE session);
  CK_RV close_all_sessions(CK_SLOT_ID slot);
  std::optional<CK_RV> session_trouble(CK_SESSION_HANDLE session);
  CK_OBJECT_HANDLE to_caller(CK_OBJECT_HANDLE object);
  bool is_current(CK_OBJECT_HANDLE object);
  static CK_OBJECT_HANDLE to_target(CK_OBJECT_HANDLE object) noexcept;
  void forget_everything();

  CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE who, unsigned char* pin, CK_ULONG size);
  void sign_begun(CK_SESSION_HANDLE session);
  CK_RV sign_allowed(CK_SESSION_HANDLE session);
  void adjust(CK_TOKEN_INFO& info);

 private:
  faults();
  void apply_changes(const script& s);
  // What was lost is closed in the target once no call is under way there: SoftHSM does not survive less.
  void settle_losses();
  void wait_while_hung(const char* function, std::uint64_t call);
  std::optional<CK_RV> scripted(const script& s, const char* function, CK_SESSION_HANDLE session, std::uint64_t call,
                                bool after);
  CK_RV login_for_one_signature(const script& s, CK_SESSION_HANDLE session, std::string_view pin);
  bool is_locked(const script& s) const { return s.locked || (s.tries != 0 && wrong_pins_ >= s.tries); }

  std::shared_mutex in_target_;  // held shared by each call into the target; taken before `gate_`
  std::mutex gate_;
  script_file file_;
  CK_FUNCTION_LIST* target_ = nullptr;
  std::map<std::string, std::uint64_t, std::less<>> calls_;
  std::set<CK_SESSION_HANDLE> sessions_, lost_, authenticated_;
  std::uint64_t sessions_lost_at_ = 0, handles_lost_at_ = 0, logged_out_at_ = 0;
  std::uint64_t handle_generation_ = 0;
  std::uint64_t wrong_pins_ = 0;
  std::optional<std::string> right_pin_;      // the one that the target took last
  std::set<CK_SESSION_HANDLE> old_sessions_;  // open when the script was read
  bool was_finalized_ = false;                // since it was read
  bool was_unplugged_ = false;
  std::vector<CK_SESSION_HANDLE> to_close_;
  bool must_log_out_ = false;
  std::atomic<int> inside_ = 0;
};

}  // namespace sluice::faulty
