// SPDX-License-Identifier: Apache-2.0
// How many failed sockets may wait out their blinding delay, an execution context.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/execution_context.hpp>

#include <deque>
#include <memory>
#include <mutex>

namespace sluice::inline v0::detail {

class driver;

// Without a bound, failing handshakes would let an attacker hold as many sockets as he likes for half a minute.
class linger_service final : public net::execution_context::service {
 public:
  static constexpr std::size_t most = 256;
  static inline net::execution_context::id id;
  explicit linger_service(net::execution_context& owner) : service(owner) {}

  static linger_service& of(const net::any_io_executor& executor);
  void add(const std::shared_ptr<driver>& one);  // beyond `most`, the oldest is closed
  void remove(const driver& one) noexcept;
  std::size_t size() const;

 private:
  void shutdown() override;

  mutable std::mutex gate_;
  struct entry {
    const driver* key;
    std::weak_ptr<driver> held;
  };
  std::deque<entry> waiting_;
};

}  // namespace sluice::inline v0::detail
