// SPDX-License-Identifier: Apache-2.0
// One loaded module: its functions, who may call them when, and its C_Initialize and C_Finalize.
#pragma once

#include "pkcs11/cryptoki.hpp"
#include "sluice/pkcs11/module.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

namespace sluice::inline v0::pkcs11 {

// What every load of the same module in this process shares: it has one C_Initialize between them.
struct module_core {
  CK_FUNCTION_LIST* functions = nullptr;
  bool is_ours = false;          // C_Initialize succeeded for us, so the last rung may call C_Finalize
  bool is_single_threaded = false;
  bool has_exit_handler = false;
  CK_FLAGS initialize_flags = CKF_OS_LOCKING_OK;
  bool takes_arguments = true;   // else C_Initialize wants NULL
  std::string reserved;
  std::atomic<std::uint64_t> generation = 1;  // grows with each re-initialisation: every handle is void then
  // Held around C_Initialize and C_Finalize. Taken before the others.
  std::mutex lifecycle;
  // Held shared around each piece of work, exclusively to finalise, and then only if nobody has it: a call that never
  // returns keeps it, and on a busy token there is always a call.
  std::shared_mutex in_use;
  std::mutex one_at_a_time;      // for modules that cannot lock
  // The process is ending, and the module's own state is being taken apart: it is not called any more.
  std::atomic<bool> is_over = false;
};

class library {
 public:
  static result<std::shared_ptr<library>> load(const std::string& path, const module_options& options);
  ~library();
  library(const library&) = delete;
  library& operator=(const library&) = delete;

  // Calls one C_ function, alone if the module needs that.
  template <class Function, class... Args>
  CK_RV call(Function CK_FUNCTION_LIST::*function, Args... args) const {
    if (core_->is_over) return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (core_->functions->*function == nullptr) return CKR_FUNCTION_NOT_SUPPORTED;
    std::unique_lock<std::mutex> alone;
    if (core_->is_single_threaded) alone = std::unique_lock(core_->one_at_a_time);
    return (core_->functions->*function)(args...);
  }

  // Keeps re-initialisation away while it lives.
  std::shared_lock<std::shared_mutex> working() const { return std::shared_lock(core_->in_use); }
  std::uint64_t generation() const noexcept { return core_->generation.load(); }

  // The last rung: C_Finalize and C_Initialize. False when it is not ours to do, or something is in flight.
  bool reinitialize();

  const module_info& info() const noexcept { return info_; }
  const module_core* core() const noexcept { return core_.get(); }  // the same for every load of one module
  result<std::vector<CK_SLOT_ID>> slots_with_token() const;

 private:
  library() = default;
  result<void> open(const std::string& path);
  result<void> initialize(const module_options& options);
  CK_RV call_initialize();
  void finalize();
  result<void> read_info();

  std::shared_ptr<module_core> core_;
  void* handle_ = nullptr;
  bool must_finalize_ = false;
  bool must_stay_mapped_ = false;
  module_info info_;
};

}  // namespace sluice::inline v0::pkcs11
