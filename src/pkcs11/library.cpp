// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/library.hpp"

#include "pkcs11/immortal.hpp"
#include "pkcs11/worker_threads.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <cstdlib>
#include <map>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// By function list, which the module keeps once for all who load it. Kept for good: a module that we initialised
// and let go of is still initialised, and still ours.
struct all_cores {
  std::mutex gate;
  std::map<CK_FUNCTION_LIST*, std::shared_ptr<module_core>> by_functions;
  static all_cores& instance() { return of_this_process<all_cores>(); }
};

// How long the end of the process waits for calls under way; one that hangs must not keep it.
constexpr auto last_wait = std::chrono::seconds(2);
constexpr CK_ULONG max_slots = 65536;  // a count beyond is a module's mistake

// Succeeds at once or not at all, so that it can be tried by a thread that must not wait.
bool close_off(module_core& core) {
  const std::lock_guard lock(core.gate);
  if (core.inside > 0 || core.is_closed_off) return false;
  core.is_closed_off = true;
  return true;
}

// Follows each close_off() that succeeded, in every case: visitors wait for it without a limit of time.
void let_in(module_core& core) noexcept {
  const std::lock_guard lock(core.gate);
  core.is_closed_off = false;
  core.may_enter->notify_all();
}

// False when a call is still under way at `end`.
bool close_off_by(module_core& core, runtime::time_point end) {
  while (!close_off(core)) {
    if (core.world.now() >= end) return false;
    core.world.sleep_until(core.world.now() + std::chrono::milliseconds(1));
  }
  return true;
}

// The thread that ends the process, once it waits for nobody any longer: what others would touch is taken apart then.
std::atomic<const void*> nobody_is_waited_for_by = nullptr;

// Workers may be inside a module, or about to enter it, when the process ends: a signature's last owner can be the
// worker that made it. They stay out from here on; those inside are waited for, and a thread that is late never comes
// back.
void leave_modules_alone() {
  if (nobody_is_waited_for_by != nullptr) return;
  auto& cores = all_cores::instance();
  const std::lock_guard lock(cores.gate);
  for (const auto& [functions, core] : cores.by_functions) core->is_over = true;
  const auto end = std::chrono::steady_clock::now() + last_wait;
  for (const auto& [functions, core] : cores.by_functions) {
    if (close_off_by(*core, end)) let_in(*core);
  }
  worker_threads::wait_for_busy(end);
  nobody_is_waited_for_by = runtime::system().this_thread();
  caller::stop_others();
}

// Handlers run in the opposite order, and ours must come before the destructors of the module's objects. Those that it
// makes when it is first used are registered later than it was loaded; so ours is registered again as it is used. With
// `gate` held.
void keep_ahead(module_core& core) noexcept {
  constexpr std::size_t long_used = 64;
  const auto uses = core.uses++;
  if (core.is_loaded && uses <= long_used && std::has_single_bit(uses + 1)) std::atexit(leave_modules_alone);
}

std::shared_ptr<module_core> core_of(CK_FUNCTION_LIST* functions) {
  auto& cores = all_cores::instance();
  const std::lock_guard lock(cores.gate);
  auto& core = cores.by_functions[functions];
  if (!core) {
    core = std::make_shared<module_core>(runtime::system());
    core->is_loaded = true;
    core->functions = functions;
  }
  return core;
}

failure unsupported_version(const std::string& path, CK_VERSION version) {
  return make_failure(errc::module_version_unsupported, path,
                      "it implements PKCS#11 " + std::to_string(version.major) + "." + std::to_string(version.minor),
                      "2.20 or newer is needed");
}

bool is_left_to_us(initialization mode) { return mode == initialization::strict || mode == initialization::sole_user; }

std::string last_loader_error() {
  const char* text = dlerror();
  return text ? text : "unknown error";
}

}  // namespace

result<std::shared_ptr<library>> library::load(const std::string& path, const module_options& options) {
  std::shared_ptr<library> made(new library);
  if (auto done = made->open(path); !done) return done.error();
  const std::lock_guard lock(made->core_->lifecycle);
  if (auto done = made->initialize(options); !done) return done.error();
  if (auto done = made->read_info(); !done) return done.error();
  const std::lock_guard counted(made->core_->gate);
  keep_ahead(*made->core_);
  return made;
}

result<std::shared_ptr<library>> library::over(std::shared_ptr<module_core> core, const module_options& options) {
  std::shared_ptr<library> made(new library);
  made->core_ = std::move(core);
  made->info_.path = "given";
  const std::lock_guard lock(made->core_->lifecycle);
  if (auto done = made->initialize(options); !done) return done.error();
  if (auto done = made->read_info(); !done) return done.error();
  return made;
}

module_visit::module_visit(module_core& core) : core_(core.is_over ? nullptr : &core) {
  if (core_ == nullptr) return;
  std::unique_lock lock(core.gate);
  // The wait is as long as one C_Finalize and C_Initialize. Should one of them hang, new work waits here, is written
  // off by its supervisor, and ends at its deadline.
  while (core.is_closed_off) core.may_enter->wait(lock, runtime::never);
  ++core.inside;
}

void module_visit::leave() noexcept {
  if (core_ == nullptr) return;
  const auto* const ends_process = nobody_is_waited_for_by.load();
  while (ends_process != nullptr && ends_process != runtime::system().this_thread()) ::pause();
  const std::lock_guard lock(core_->gate);
  --core_->inside;
  keep_ahead(*core_);
  core_ = nullptr;
}

library::~library() {
  if (mode_ && !is_left_to_us(*mode_)) --core_->guests;
  if (mode_ == initialization::strict) finalize();
}

// For everybody, so not under anybody's call; with one that never returns the module stays as it is.
void library::finalize() {
  if (core_->is_over) return;
  const std::lock_guard lock(core_->lifecycle);
  if (!close_off_by(*core_, core_->world.now() + last_wait)) return;
  call_finalize();
  core_->is_ours = false;
  // Before a thread may enter: it finds the new number, and uses nothing from before.
  core_->generation.fetch_add(1);
  let_in(*core_);
}

result<void> library::open(const std::string& path) {
  info_.path = path;
  // RTLD_LOCAL: the libcrypto a module brings along must not meet anybody else's symbols. RTLD_NODELETE: what it keeps
  // for a thread is destroyed by its code when the thread ends, and its objects when the process does, after our exit
  // handler and not before.
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    return make_failure(errc::module_load_failed, path, last_loader_error(),
                        "check the path, and that the file is for this machine");
  }
  const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(handle, "C_GetFunctionList"));
  if (get_list == nullptr) return make_failure(errc::symbol_missing, path, "it has no C_GetFunctionList");
  CK_FUNCTION_LIST* functions = nullptr;
  const auto rv = get_list(&functions);
  if (rv != CKR_OK || functions == nullptr) return ckr_failure(rv, path, "C_GetFunctionList");
  // 3.x modules offer the 2.40 functions here as well. The list has the same layout in every 2.x; how new the module
  // is, its C_GetInfo says.
  if (functions->version.major != 2 && functions->version.major != 3)
    return unsupported_version(path, functions->version);
  core_ = core_of(functions);
  return {};
}

CK_RV library::call_initialize(CK_C_INITIALIZE_ARGS* args) {
  const auto inside = going_in();
  return core_->functions->C_Initialize(args);
}

void library::call_finalize() {
  const auto inside = going_in();
  core_->functions->C_Finalize(nullptr);
}

// Locking by the system's primitives first; what cannot lock is called from one thread at a time; and some modules
// know no arguments at all.
CK_RV library::call_initialize() {
  CK_C_INITIALIZE_ARGS args{};
  args.flags = core_->initialize_flags;
  if (!core_->reserved.empty()) args.pReserved = core_->reserved.data();
  auto rv = call_initialize(core_->takes_arguments ? &args : nullptr);
  if (rv == CKR_CANT_LOCK || rv == CKR_NEED_TO_CREATE_THREADS) {
    core_->is_single_threaded = true;
    args.flags = 0;
    core_->initialize_flags = 0;
    rv = call_initialize(&args);
  }
  if (rv == CKR_ARGUMENTS_BAD && core_->takes_arguments && core_->reserved.empty()) {
    core_->is_single_threaded = true;
    core_->takes_arguments = false;
    rv = call_initialize(nullptr);
  }
  return rv;
}

result<void> library::initialize(const module_options& options) {
  if (options.initialization == initialization::omit) {
    mode_ = options.initialization;
    ++core_->guests;
    return {};
  }
  if (!core_->is_ours) {
    core_->reserved = options.reserved;
    // An earlier try without parameters may have found that it takes no arguments.
    if (!core_->reserved.empty()) core_->takes_arguments = true;
  }
  std::unique_lock<runtime_mutex> alone;
  if (core_->is_single_threaded) alone = std::unique_lock(core_->one_at_a_time);
  const auto rv = call_initialize();
  alone = {};
  const bool may_be_initialized = options.initialization != initialization::strict;
  const bool is_initialized = rv == CKR_CRYPTOKI_ALREADY_INITIALIZED && may_be_initialized;
  if (rv != CKR_OK && !is_initialized) return initialize_failure(rv, info_.path, !options.reserved.empty());
  if (rv == CKR_OK) core_->is_ours = true;
  mode_ = options.initialization;
  if (!is_left_to_us(*mode_)) ++core_->guests;
  return {};
}

result<void> library::read_info() {
  CK_INFO info{};
  const auto rv = call(&CK_FUNCTION_LIST::C_GetInfo, &info);
  if (rv != CKR_OK) return ckr_failure(rv, info_.path, "C_GetInfo");
  info_.manufacturer = padded_text(info.manufacturerID);
  info_.description = padded_text(info.libraryDescription);
  // Where the two differ, C_GetInfo is right (PKCS#11 v2.40 §5.5); some modules leave it empty.
  auto version = info.cryptokiVersion;
  if (version.major == 0 && version.minor == 0) version = core_->functions->version;
  // Below 2.20 the structures differ.
  if (version.major != 3 && (version.major != 2 || version.minor < 20)) return unsupported_version(info_.path, version);
  info_.cryptoki_major = version.major;
  info_.cryptoki_minor = version.minor;
  info_.library_major = info.libraryVersion.major;
  info_.library_minor = info.libraryVersion.minor;
  return {};
}

std::optional<std::string> library::reinitialize(bool only_initialize) {
  // Every lock here is tried, none is waited for: the caller is a worker with a probe, and whoever holds one of them
  // may be inside a call that never returns. A rung that was not climbed is due again some probes later.
  const std::unique_lock one(core_->lifecycle, std::try_to_lock);
  if (!one || core_->is_over) return "the module is being initialised or left";
  if (only_initialize) {
    if (mode_ == initialization::omit) return "the program initialises the module itself (mode omit)";
  } else if (mode_ == initialization::standard || mode_ == initialization::omit) {
    return "the module is not finalised in mode standard or omit";
  } else if (!core_->is_ours || core_->guests > 0) {
    return "other code in this process uses the module";
  } else if (core_->tokens_in_use > 0) {
    return "another token of the module is in use";
  }
  std::unique_lock<runtime_mutex> alone;
  if (core_->is_single_threaded) {
    alone = std::unique_lock(core_->one_at_a_time, std::try_to_lock);
    if (!alone) return "a call of the module has not returned";
  }
  // A module that says it was finalised answers every call with that: those inside lose nothing by C_Initialize, which
  // therefore need not be alone. C_Finalize must be.
  const bool is_alone = close_off(*core_);
  if (!is_alone && !only_initialize) return "a call of the module has not returned";
  if (!only_initialize) call_finalize();
  const auto rv = call_initialize();
  if (rv == CKR_OK) core_->is_ours = true;
  core_->generation.fetch_add(1);
  if (is_alone) let_in(*core_);
  if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) return std::nullopt;
  return "C_Initialize answered " + ckr_text(rv);
}

result<std::vector<CK_SLOT_ID>> library::slots_with_token() const {
  std::vector<CK_SLOT_ID> slots;
  // A token may arrive between asking how many and asking which.
  for (int tries = 0; tries < 5; ++tries) {
    CK_ULONG count = 0;
    auto rv = call(&CK_FUNCTION_LIST::C_GetSlotList, CK_BBOOL{CK_TRUE}, nullptr, &count);
    if (rv != CKR_OK) return ckr_failure(rv, info_.path, "C_GetSlotList");
    if (count > max_slots) break;
    slots.resize(count);
    if (count == 0) return slots;
    rv = call(&CK_FUNCTION_LIST::C_GetSlotList, CK_BBOOL{CK_TRUE}, slots.data(), &count);
    if (rv == CKR_BUFFER_TOO_SMALL) continue;
    if (rv != CKR_OK) return ckr_failure(rv, info_.path, "C_GetSlotList");
    if (count > slots.size()) break;
    slots.resize(count);
    return slots;
  }
  return ckr_failure(CKR_BUFFER_TOO_SMALL, info_.path, "C_GetSlotList answered senseless counts");
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
