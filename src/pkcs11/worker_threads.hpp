// SPDX-License-Identifier: Apache-2.0
// The threads of workers, so that the end of the process can wait for those that are just leaving.
#pragma once

#include <chrono>
#include <functional>

namespace sluice::inline v0::pkcs11::worker_threads {

// A thread that nobody has to join. A module's libcrypto keeps something for each thread and frees it when the thread
// ends, and once more when the process does: the two must not meet.
void start(std::function<void()> body);

// In a worker: its body is about to end, and calls nothing of a module's after what it does now.
void leaving() noexcept;

// At the end of the process: waits for those that are leaving, not for those at work or stuck.
void wait_for_leaving(std::chrono::steady_clock::time_point end) noexcept;

}  // namespace sluice::inline v0::pkcs11::worker_threads
