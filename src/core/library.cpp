// SPDX-License-Identifier: Apache-2.0
#include "sluice/library.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/library_state.hpp"

#include <s2n.h>
#include <unstable/cleanup.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include <dlfcn.h>

namespace sluice {
inline namespace v0 {
namespace tls_library {
namespace {

void* malloc_allocate(std::size_t bytes) noexcept { return std::malloc(bytes); }
void malloc_release(void* memory, std::size_t) noexcept { std::free(memory); }

std::mutex gate;
allocator memory{malloc_allocate, malloc_release};  // written before start only
bool started = false;
bool is_ours = false;  // we called s2n_init, so we may call its counterpart
std::atomic<std::size_t> users{0};

extern "C" {
static int sluice_memory_init() { return S2N_SUCCESS; }
static int sluice_memory_cleanup() { return S2N_SUCCESS; }
static int sluice_memory_allocate(void** out, uint32_t requested, uint32_t* allocated) {
  *out = memory.allocate(requested);
  if (*out == nullptr) return S2N_FAILURE;
  *allocated = requested;
  return S2N_SUCCESS;
}
static int sluice_memory_release(void* block, uint32_t size) {
  if (block == nullptr) return S2N_SUCCESS;
  // Wiped already: s2n_free() overwrites the whole block, and s2n frees without it only what is ciphertext or was read
  // with erasure, and that only with dynamic buffers, which are not used (P2).
  memory.release(block, size);
  return S2N_SUCCESS;
}
}

// Only an s2n that is not running lets atexit handling be switched off: the one public way to ask.
bool is_running_already() noexcept { return s2n_disable_atexit() != S2N_SUCCESS; }

// s2n and AWS-LC leave destructors of thread-specific data behind, which run when a thread ends that has used them:
// code that must still be there. So a plugin that Sluice was linked into stays where it is, whatever dlclose is asked.
void stay_loaded() noexcept {
  Dl_info self{};
  if (::dladdr(reinterpret_cast<const void*>(&malloc_allocate), &self) == 0 || self.dli_fname == nullptr) return;
  // Not the program itself, whose name need not be its path.
  if (void* const handle = ::dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE)) ::dlclose(handle);
}

}  // namespace

result<void> set_allocator(allocator replacement) {
  const std::lock_guard lock(gate);
  if (started) {
    return make_failure(errc::in_use, "allocator", "the library has started",
                        "call set_allocator() before the first context");
  }
  if (replacement.allocate == nullptr || replacement.release == nullptr) {
    return make_failure(errc::invalid_argument, "allocator", "both functions are needed");
  }
  memory = replacement;
  return {};
}

result<void> start() {
  const std::lock_guard lock(gate);
  if (started) return {};
  stay_loaded();
  // S2N_PRINT_STACKTRACE in the environment makes this build of s2n recurse without end at its first error (P1),
  // which may be the next call, if somebody else has started it.
  s2n_stack_traces_enabled_set(false);
  if (!is_running_already()) {
    // The callbacks first: s2n allocates during its own start, with mlock unless that is switched off (P2).
    if (s2n_mem_set_callbacks(sluice_memory_init, sluice_memory_cleanup, sluice_memory_allocate,
                              sluice_memory_release) != S2N_SUCCESS ||
        s2n_init() != S2N_SUCCESS) {
      return internal::s2n_failure("s2n-tls");
    }
    is_ours = true;
  }
  s2n_stack_traces_enabled_set(false);  // s2n_init has read the environment
  started = true;
  return {};
}

bool is_started() noexcept {
  const std::lock_guard lock(gate);
  return started;
}

result<void> stop() {
  const std::lock_guard lock(gate);
  if (!started) return {};
  if (users.load() != 0) {
    return internal::with_usual_remedy(make_failure(errc::in_use, "library", "contexts or identities still exist"));
  }
  if (is_ours && s2n_cleanup_final() != S2N_SUCCESS) return internal::s2n_failure("s2n-tls");
  is_ours = false;
  started = false;
  return {};
}

thread_scope::~thread_scope() { s2n_cleanup_thread(); }

}  // namespace tls_library
}  // namespace v0
}  // namespace sluice

namespace sluice {
inline namespace v0 {
namespace internal {

library_user::library_user() noexcept { tls_library::users.fetch_add(1); }
library_user::~library_user() { tls_library::users.fetch_sub(1); }

}  // namespace internal
}  // namespace v0
}  // namespace sluice
