// SPDX-License-Identifier: Apache-2.0
// Blocking calls that drive a connection over a socket, for tools, tests and programs without an event loop.
#pragma once

#include "sluice/connection.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace sluice {
inline namespace v0 {
namespace blocking {

using time_point = std::chrono::steady_clock::time_point;  // a deadline; max() means none

// Each call waits for the descriptor, and for private keys, until the operation is done or `deadline` has passed
// (errc::timed_out, or key_timed_out if a key was late). It runs on the connection's own thread.
error_code handshake(connection& tls, int descriptor, time_point deadline = time_point::max());
// After want::application: starts the work and waits for it. It returns false at the deadline; call
// expire_application_work() then.
bool wait_external(connection& tls, time_point deadline = time_point::max());
// Returns 0 with `ec` clear after the peer's close_notify.
std::size_t read_some(connection& tls, int descriptor, std::span<std::byte> into, error_code& ec,
                      time_point deadline = time_point::max());
// Writes all of it, unless `ec` is set.
std::size_t write(connection& tls, int descriptor, std::span<const std::byte> from, error_code& ec,
                  time_point deadline = time_point::max());
// Sends close_notify and waits for the peer's, as connection::shutdown() does. The descriptor stays open.
error_code shutdown(connection& tls, int descriptor, time_point deadline = time_point::max());

}  // namespace blocking
}  // namespace v0
}  // namespace sluice
