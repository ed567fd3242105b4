// SPDX-License-Identifier: Apache-2.0
// The engine: its memory, its start, which happens once, and its end.
#pragma once

#include "sluice/result.hpp"

#include <cstddef>

namespace sluice {
inline namespace v0 {
namespace tls_library {

// The functions that allocate the engine's memory. Both may be called on any thread and must not throw. `allocate`
// returns nullptr on failure. Memory is wiped before it is passed to `release`.
struct allocator {
  // Returns memory that is aligned for any type, as malloc() does, or nullptr.
  void* (*allocate)(std::size_t bytes) noexcept = nullptr;
  void (*release)(void* memory, std::size_t bytes) noexcept = nullptr;  // `bytes` as allocate got it
};

// Replaces malloc and free for the engine. It must be called before start(); afterwards it fails with errc::in_use and
// has no effect. The default does not lock memory. s2n's own allocator does, so that it fails at about 180 connections
// under the usual limit of 8 MB, and makes an idle connection four times as large.
result<void> set_allocator(allocator replacement);

// Starts s2n-tls and AWS-LC, which takes some milliseconds. The first context does this too; call it to choose the
// time. It may be called on any thread and any number of times. If other code in the process has started the same s2n,
// Sluice uses it as it is, with its allocator.
result<void> start();
bool is_started() noexcept;  // start() has succeeded and stop() has not since; any thread

// Frees what start() has allocated, for leak checkers. It fails with errc::in_use while a context or a connection
// exists. start() may follow. It does nothing if other code has started s2n. A shared object into which Sluice is
// linked may be passed to dlclose, before or after, and stays loaded, because the engine has destructors of
// thread-specific data, which run when a thread ends.
result<void> stop();

// When the scope ends, wipes and frees the memory that the engine has for this thread: its random generator. The end of
// the thread does the same. A scope is for threads that go on without TLS, and for leak checkers that run before such
// threads have ended. Threads that Sluice starts have scopes of their own.
class thread_scope {
 public:
  thread_scope() noexcept = default;
  thread_scope(const thread_scope&) = delete;
  thread_scope& operator=(const thread_scope&) = delete;
  ~thread_scope();
};

}  // namespace tls_library
}  // namespace v0
}  // namespace sluice
