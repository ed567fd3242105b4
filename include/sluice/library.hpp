// SPDX-License-Identifier: Apache-2.0
// The engine's one-time start, its memory, and its end.
#pragma once

#include "sluice/result.hpp"

#include <cstddef>

namespace sluice::inline v0::tls_library {

// Where the engine's memory comes from. Both functions may be called on any thread and must not throw;
// `allocate` returns nullptr when it cannot. Memory is wiped before `release` sees it.
struct allocator {
  void* (*allocate)(std::size_t bytes) noexcept = nullptr;
  void (*release)(void* memory, std::size_t bytes) noexcept = nullptr;
};

// Replaces malloc and free for the engine. Before start() only: afterwards errc::in_use, and nothing changes.
// The default does not lock memory: s2n's own allocator does, which fails at about 180 connections under the
// usual 8 MB limit and makes an idle connection four times as large.
result<void> set_allocator(allocator replacement);

// Starts s2n-tls and AWS-LC. Every context does this by itself; call it to take the cost (some milliseconds)
// at a time of your choosing. Any thread, any number of times. If something else in the process has started
// the same s2n, that start is used as it is, with its allocator.
result<void> start();
bool is_started() noexcept;

// Gives back what start() took, for leak checkers. Every context and connection must be gone, else errc::in_use.
// start() may follow. A no-op when s2n was started by somebody else. A shared object that Sluice was linked into may be
// given to dlclose, before or after, and stays loaded: the engine has destructors of thread-specific data that run when
// a thread ends.
result<void> stop();

// Wipes and gives back what the engine keeps for a thread, its random generator, when the scope ends. That happens at
// the thread's end anyway: a scope is for a thread that has done with TLS and lives on, and for leak checkers that look
// before their threads have ended. The threads Sluice starts have their own.
class thread_scope {
 public:
  thread_scope() noexcept = default;
  thread_scope(const thread_scope&) = delete;
  thread_scope& operator=(const thread_scope&) = delete;
  ~thread_scope();
};

}  // namespace sluice::inline v0::tls_library
