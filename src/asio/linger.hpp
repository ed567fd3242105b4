// SPDX-License-Identifier: Apache-2.0
// The failed sockets of an execution context that wait until their blinding delay has passed: their number is limited.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>

namespace sluice {
inline namespace v0 {
namespace detail {

class driver;

// Without a limit, an attacker could keep any number of sockets open for half a minute by handshakes that fail.
//
// A thread of the service waits for the ends of the delays; it exists while there is a delay. A timer of the event loop
// would be work for io_context::run(), and a program whose only client has failed would end half a minute late.
class linger_service final : public net::execution_context::service {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::size_t most = 256;
  static inline net::execution_context::id id;
  explicit linger_service(net::execution_context& owner);

  static linger_service& of(const net::any_io_executor& executor);
  void add(const std::shared_ptr<driver>& one);  // beyond `most`, the oldest is closed
  void remove(const driver& one) noexcept;
  std::size_t size() const;

  // Keeps a driver that was added alive until `when`. Then its executor runs resume_linger(); or the service's own
  // thread runs close_on_linger_thread(), if no thread may be running the executor. Throws std::system_error if the
  // thread cannot be started.
  enum class runs_on : bool { executor, own_thread };
  void wake_at(const std::shared_ptr<driver>& one, time_point when, runs_on where);

 private:
  struct state;
  void shutdown() override;

  const std::shared_ptr<state> state_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
