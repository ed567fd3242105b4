// SPDX-License-Identifier: Apache-2.0
// The linker sends every call of malloc in this program and its archives here (--wrap); operator new is replaced.
#include "memory/allocations.hpp"

#include <openssl/mem.h>
#include <s2n.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

namespace {

constexpr long idle = -1;
std::atomic<long> left{idle};
std::atomic<bool> is_hit{false};

bool fails() noexcept {
  if (left.load(std::memory_order_relaxed) < 0 || left.fetch_sub(1) != 0) return false;
  is_hit = true;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* old, std::size_t size);
// s2n does not check all that AWS-LC could not allocate (sk_X509_new_null), so AWS-LC's own allocations never fail.
void* engine_malloc(std::size_t size, const char*, int) { return __real_malloc(size); }
void* engine_realloc(void* old, std::size_t size, const char*, int) { return __real_realloc(old, size); }
void engine_free(void* memory, const char*, int) { std::free(memory); }
[[gnu::constructor]] void set_engine_memory() { CRYPTO_set_mem_functions(engine_malloc, engine_realloc, engine_free); }
// When one of its own allocations fails, s2n_connection_new does not free the others, and nobody has their addresses.
s2n_connection* __real_s2n_connection_new(s2n_mode mode);
s2n_connection* __wrap_s2n_connection_new(s2n_mode mode) {
#ifdef __SANITIZE_ADDRESS__
  const __lsan::ScopedDisabler is_not_watched;
#endif
  return __real_s2n_connection_new(mode);
}
void* __wrap_malloc(std::size_t size) { return fails() ? nullptr : __real_malloc(size); }
void* __wrap_calloc(std::size_t count, std::size_t size) { return fails() ? nullptr : __real_calloc(count, size); }
void* __wrap_realloc(void* old, std::size_t size) { return fails() ? nullptr : __real_realloc(old, size); }
}

void* operator new(std::size_t size) {
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace sluice::test {

failing_allocation::failing_allocation(long n) noexcept {
  is_hit = false;
  left = n;
}

failing_allocation::~failing_allocation() { left = idle; }

bool failing_allocation::has_failed() noexcept { return is_hit; }

}  // namespace sluice::test
