// SPDX-License-Identifier: Apache-2.0
// One loaded module: its functions, who may call them when, and its C_Initialize and C_Finalize.
#pragma once

#include "pkcs11/callers.hpp"
#include "pkcs11/cryptoki.hpp"
#include "pkcs11/runtime_mutex.hpp"
#include "sluice/pkcs11/module.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// What every load of the same module in this process shares: it has one C_Initialize between them.
struct module_core {
  explicit module_core(runtime& in) : world(in), lifecycle(in), may_enter(in.make_event()), one_at_a_time(in) {}
  runtime& world;
  CK_FUNCTION_LIST* functions = nullptr;
  bool is_ours = false;  // C_Initialize succeeded for us, so the last rung may call C_Finalize
  bool is_single_threaded = false;
  bool is_loaded = false;  // from a file, whose objects are destroyed when the process ends
  CK_FLAGS initialize_flags = CKF_OS_LOCKING_OK;
  bool takes_arguments = true;  // else C_Initialize wants NULL
  std::string reserved;
  std::atomic<std::uint64_t> generation = 1;   // grows with each re-initialisation: every handle is void then
  std::atomic<std::size_t> guests = 0;         // loads that did not leave C_Finalize to us
  std::atomic<std::size_t> tokens_in_use = 0;  // pools whose token is not known to be down
  // Held around C_Initialize and C_Finalize. Taken before `gate`, which is never held during a call.
  runtime_mutex lifecycle;
  std::mutex gate;
  std::size_t inside = 0;      // pieces of work under way; one that never returns stays here
  std::size_t uses = 0;        // pieces of work done, and loads
  bool is_closed_off = false;  // for C_Finalize, and then only if nobody is inside
  const std::unique_ptr<runtime::event> may_enter;
  runtime_mutex one_at_a_time;  // for modules that cannot lock
  // The process is ending, and the module's own state is being taken apart: it is not called any more.
  std::atomic<bool> is_over = false;
};

// Keeps C_Finalize away while it lives. Once the process ends it is nothing: no call is made any more.
// Between construction and leave() the visitor is one of `inside`; close_off() succeeds only at 0, and from then on a
// new visitor waits. So handles and sessions that a visitor has just looked up stay valid until it leaves. A visit may
// hold calls that hang: C_Finalize is then out of the question, and nobody waits for it.
class module_visit {
 public:
  explicit module_visit(module_core& core);
  ~module_visit() { leave(); }
  module_visit(const module_visit&) = delete;
  module_visit& operator=(const module_visit&) = delete;
  void leave() noexcept;

 private:
  module_core* core_;
};

// The order of locks: `lifecycle`, `one_at_a_time`, `gate`. reinitialize() only tries the first two, because their
// owner may hang; the supervisor and submit() take none of them.
class library {
 public:
  static result<std::shared_ptr<library>> load(const std::string& path, const module_options& options);
  // The same for functions that are there already: for tests, with a clock and threads of their own.
  static result<std::shared_ptr<library>> over(std::shared_ptr<module_core> core, const module_options& options);
  ~library();
  library(const library&) = delete;
  library& operator=(const library&) = delete;

  // Calls one C_ function, alone if the module needs that.
  template <class Function, class... Args>
  CK_RV call(Function CK_FUNCTION_LIST::*function, Args... args) const {
    if (core_->is_over) return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (core_->functions->*function == nullptr) return CKR_FUNCTION_NOT_SUPPORTED;
    std::unique_lock<runtime_mutex> alone;
    if (core_->is_single_threaded) alone = std::unique_lock(core_->one_at_a_time);
    if (core_->is_over) return CKR_CRYPTOKI_NOT_INITIALIZED;  // while this thread waited
    const auto inside = going_in();
    return (core_->functions->*function)(args...);
  }

  module_visit working() const { return module_visit(*core_); }
  // Compared by whoever keeps a session or a handle, inside a visit: another number means that they are void.
  std::uint64_t generation() const noexcept { return core_->generation.load(); }

  // The last rung: C_Finalize and C_Initialize; C_Initialize alone where the module says that it was finalised.
  // Answers why not, when it is not ours to do: nothing has been called then.
  std::optional<std::string> reinitialize(bool only_initialize);

  const module_info& info() const noexcept { return info_; }
  const std::shared_ptr<module_core>& core() const noexcept { return core_; }  // the same for every load of one module
  runtime& world() const noexcept { return core_->world; }
  result<std::vector<CK_SLOT_ID>> slots_with_token() const;

 private:
  library() = default;
  result<void> open(const std::string& path);
  result<void> initialize(const module_options& options);
  CK_RV call_initialize();
  CK_RV call_initialize(CK_C_INITIALIZE_ARGS* args);
  void call_finalize();
  // Only of a module from a file: the calls of others end with whoever made them.
  std::optional<caller> going_in() const noexcept {
    return core_->is_loaded ? std::optional<caller>(std::in_place) : std::nullopt;
  }
  void finalize();
  result<void> read_info();

  std::shared_ptr<module_core> core_;
  std::optional<initialization> mode_;  // once initialised
  module_info info_;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
