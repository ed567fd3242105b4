// SPDX-License-Identifier: Apache-2.0
// Failed sockets that wait out their blinding delay, an execution context: how many, and until when.
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

// Without a bound, failing handshakes would let an attacker hold as many sockets as he likes for half a minute.
//
// A delay is slept through by a thread of the service's own, which lives while there is one: a timer of the loop's
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

  // Of one that was added, which is kept until then: has its executor run linger_step(); or has the thread itself end
  // it, `alone`, where nobody may be running an executor. Throws where no thread can be had.
  void wake_at(const std::shared_ptr<driver>& one, time_point when, bool alone);

 private:
  struct state;
  void shutdown() override;

  const std::shared_ptr<state> state_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
