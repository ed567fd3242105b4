// SPDX-License-Identifier: Apache-2.0
// Drives a connection over a socket by waiting: for tools, tests and programs without a loop.
#pragma once

#include "sluice/connection.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace sluice::inline v0::blocking {

using time_point = std::chrono::steady_clock::time_point;

// Each waits on the descriptor (and on private keys) until the operation is done or `deadline` has passed
// (errc::timed_out, or key_timed_out while a key was being waited for). The thread is the connection's own.
error_code handshake(connection& tls, int descriptor, time_point deadline = time_point::max());
// After want::application: starts the work and waits for it. False at the deadline; call expire_application_work() then.
bool wait_external(connection& tls, time_point deadline = time_point::max());
// 0 with `ec` clear after the peer's close_notify.
std::size_t read_some(connection& tls, int descriptor, std::span<std::byte> into, error_code& ec,
                      time_point deadline = time_point::max());
// All of it, unless `ec` is set.
std::size_t write(connection& tls, int descriptor, std::span<const std::byte> from, error_code& ec,
                  time_point deadline = time_point::max());
error_code shutdown(connection& tls, int descriptor, time_point deadline = time_point::max());

}  // namespace sluice::inline v0::blocking
