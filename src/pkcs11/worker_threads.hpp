// SPDX-License-Identifier: Apache-2.0
// The threads of workers. A module's libcrypto keeps something for each thread and frees it when the thread ends, and
// once more when the process does: the two must not meet, so a thread is always joined by somebody.
#pragma once

#include <chrono>
#include <functional>

namespace sluice {
inline namespace v0 {
namespace pkcs11::worker_threads {

// A thread whose owner does not have to join it, for a body that throws nothing. False: the system has none to give.
bool start(std::function<void()> body) noexcept;

// In a worker, while it waits for work: the end of the process does not wait for it.
// A worker that waits touches nothing of the module, so that the end of the process may go on without it. It is left
// where it waits: the state that it waits on is never destroyed while a worker shares it.
class parked {
 public:
  parked() noexcept;
  ~parked();
  parked(const parked&) = delete;
  parked& operator=(const parked&) = delete;
};

// Waits for the threads whose bodies have ended.
void join_ended() noexcept;

// At the end of the process: waits for the threads that are at work, which one that hangs does not prolong past `end`.
void wait_for_busy(std::chrono::steady_clock::time_point end) noexcept;

}  // namespace pkcs11::worker_threads
}  // namespace v0
}  // namespace sluice
