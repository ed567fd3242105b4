// SPDX-License-Identifier: Apache-2.0
// For LD_PRELOAD: the n-th allocation of the process fails, counted from 0; FAILING_MALLOC is n. With
// FAILING_MALLOC_COUNT, a file's path, how many there were is written there at the end.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
}

namespace {

std::atomic<long> count{0};
std::atomic<long> wanted{-1};

[[gnu::constructor(101)]] void begin() {
  if (const char* n = std::getenv("FAILING_MALLOC")) wanted = std::strtol(n, nullptr, 10);
}

[[gnu::destructor]] void end() {
  const char* path = std::getenv("FAILING_MALLOC_COUNT");
  std::FILE* file = path != nullptr ? std::fopen(path, "w") : nullptr;
  if (file == nullptr) return;
  std::fprintf(file, "%ld\n", count.load());
  std::fclose(file);
}

bool fails() {
  const long n = count.fetch_add(1, std::memory_order_relaxed);
  if (n != wanted.load(std::memory_order_relaxed)) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {
[[gnu::visibility("default")]] void* malloc(std::size_t size) { return fails() ? nullptr : __libc_malloc(size); }
[[gnu::visibility("default")]] void* calloc(std::size_t n, std::size_t size) {
  return fails() ? nullptr : __libc_calloc(n, size);
}
[[gnu::visibility("default")]] void* realloc(void* old, std::size_t size) {
  return fails() ? nullptr : __libc_realloc(old, size);
}
}
