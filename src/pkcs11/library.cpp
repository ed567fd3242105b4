// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/library.hpp"

#include "pkcs11/immortal.hpp"
#include "pkcs11/worker_threads.hpp"

#include <dlfcn.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <thread>
#include <utility>

namespace sluice::inline v0::pkcs11 {
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

// Holds nothing when a call is still under way at `end`.
std::unique_lock<std::shared_mutex> alone_in(module_core& core, std::chrono::steady_clock::time_point end) {
  std::unique_lock alone(core.in_use, std::try_to_lock);
  while (!alone && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    alone = std::unique_lock(core.in_use, std::try_to_lock);
  }
  return alone;
}

// Workers may be inside a module, or about to enter it, when the process ends: a signature's last owner can be the
// worker that made it. They stay out from here on, and those inside are waited for.
void leave_modules_alone() {
  auto& cores = all_cores::instance();
  const std::lock_guard lock(cores.gate);
  for (const auto& [functions, core] : cores.by_functions) core->is_over = true;
  const auto end = std::chrono::steady_clock::now() + last_wait;
  for (const auto& [functions, core] : cores.by_functions) alone_in(*core, end);
  worker_threads::wait_for_busy(end);
}

std::shared_ptr<module_core> core_of(CK_FUNCTION_LIST* functions) {
  auto& cores = all_cores::instance();
  const std::lock_guard lock(cores.gate);
  auto& core = cores.by_functions[functions];
  if (!core) {
    core = std::make_shared<module_core>();
    core->functions = functions;
  }
  return core;
}

failure unsupported_version(const std::string& path, CK_VERSION version) {
  return config_failure(errc::module_version_unsupported, path,
                        "it implements PKCS#11 " + std::to_string(version.major) + "." + std::to_string(version.minor),
                        "2.20 or newer is needed");
}

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
  return made;
}

library::~library() {
  if (must_finalize_) finalize();
  if (handle_ != nullptr && !must_stay_mapped_) dlclose(handle_);
}

// For everybody, so not under anybody's call; with one that never returns the module stays as it is.
void library::finalize() {
  const std::lock_guard lock(core_->lifecycle);
  const auto alone = alone_in(*core_, std::chrono::steady_clock::now() + last_wait);
  must_stay_mapped_ = !alone;
  if (!alone) return;
  core_->functions->C_Finalize(nullptr);
  core_->is_ours = false;
  core_->generation.fetch_add(1);
}

result<void> library::open(const std::string& path) {
  info_.path = path;
  // RTLD_LOCAL: the libcrypto a module brings along must not meet anybody else's symbols.
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    return config_failure(errc::module_load_failed, path, last_loader_error(),
                          "check the path, and that the file is for this machine");
  }
  const auto get_list = reinterpret_cast<CK_C_GetFunctionList>(dlsym(handle_, "C_GetFunctionList"));
  if (get_list == nullptr) return config_failure(errc::symbol_missing, path, "it has no C_GetFunctionList");
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

// Locking by the system's primitives first; what cannot lock is called from one thread at a time; and some modules
// know no arguments at all.
CK_RV library::call_initialize() {
  CK_C_INITIALIZE_ARGS args{};
  args.flags = core_->initialize_flags;
  if (!core_->reserved.empty()) args.pReserved = core_->reserved.data();
  auto rv = core_->functions->C_Initialize(core_->takes_arguments ? &args : nullptr);
  if (rv == CKR_CANT_LOCK || rv == CKR_NEED_TO_CREATE_THREADS) {
    core_->is_single_threaded = true;
    args.flags = 0;
    core_->initialize_flags = 0;
    rv = core_->functions->C_Initialize(&args);
  }
  if (rv == CKR_ARGUMENTS_BAD && core_->takes_arguments && core_->reserved.empty()) {
    core_->is_single_threaded = true;
    core_->takes_arguments = false;
    rv = core_->functions->C_Initialize(nullptr);
  }
  return rv;
}

result<void> library::initialize(const module_options& options) {
  if (options.initialization == initialization::omit) return {};
  if (!core_->is_ours) core_->reserved = options.reserved;
  std::unique_lock<std::mutex> alone;
  if (core_->is_single_threaded) alone = std::unique_lock(core_->one_at_a_time);
  const auto rv = call_initialize();
  alone = {};
  // After the module has registered its own handlers, so that ours comes before them.
  if (!std::exchange(core_->has_exit_handler, true)) std::atexit(leave_modules_alone);
  if (rv == CKR_OK) {
    core_->is_ours = true;
    must_finalize_ = options.initialization == initialization::strict;
    must_stay_mapped_ = !must_finalize_;
    return {};
  }
  if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED && options.initialization == initialization::standard) return {};
  return initialize_failure(rv, info_.path, !options.reserved.empty());
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

bool library::reinitialize() {
  const std::unique_lock one(core_->lifecycle, std::try_to_lock);
  const std::unique_lock alone(core_->in_use, std::try_to_lock);
  if (!one || !alone || !core_->is_ours || core_->is_over) return false;
  core_->functions->C_Finalize(nullptr);
  const auto rv = call_initialize();
  core_->generation.fetch_add(1);
  return rv == CKR_OK;
}

result<std::vector<CK_SLOT_ID>> library::slots_with_token() const {
  std::vector<CK_SLOT_ID> slots;
  // A token may arrive between asking how many and asking which.
  for (int tries = 0; tries < 5; ++tries) {
    CK_ULONG count = 0;
    auto rv = call(&CK_FUNCTION_LIST::C_GetSlotList, CK_BBOOL{CK_TRUE}, nullptr, &count);
    if (rv != CKR_OK) return ckr_failure(rv, info_.path, "C_GetSlotList");
    slots.resize(count);
    if (count == 0) return slots;
    rv = call(&CK_FUNCTION_LIST::C_GetSlotList, CK_BBOOL{CK_TRUE}, slots.data(), &count);
    if (rv == CKR_BUFFER_TOO_SMALL) continue;
    if (rv != CKR_OK) return ckr_failure(rv, info_.path, "C_GetSlotList");
    slots.resize(count);
    return slots;
  }
  return ckr_failure(CKR_BUFFER_TOO_SMALL, info_.path, "C_GetSlotList, five times over");
}

}  // namespace sluice::inline v0::pkcs11
