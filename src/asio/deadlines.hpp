// SPDX-License-Identifier: Apache-2.0
// The deadlines of the handshakes and shutdowns of an execution context, with one timer for all of them.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

namespace sluice {
inline namespace v0 {
namespace detail {

class driver;

// Nearly every handshake is over long before its deadline. A timer for each would be set and cancelled for nothing, at
// the price of a system call and a turn of the event loop.
//
// The list is in the order of the deadlines, which is nearly the order of arrival: the place of a new one is searched
// from the end. The timer is set to a time no later than the first deadline. It stays set when that one is removed, and
// is cancelled when none is left: a timer is work of io_context::run(), which must end when there is nothing else to
// do.
//
// `gate_` is held for the list and the timer, never while a driver is called or let go of.
class deadline_service final : public net::execution_context::service {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  struct entry;
  using list = std::list<entry>;
  // A driver's place in the list, or nothing. Only the service uses what is in it, with the lock held.
  using place = std::optional<list::iterator>;
  struct entry {
    time_point when{};
    std::weak_ptr<driver> one;
    place* at = nullptr;
  };

  static inline net::execution_context::id id;
  explicit deadline_service(net::execution_context& owner) : service(owner) {}
  static deadline_service& of(const net::any_io_executor& executor);

  // `one` is woken at `when`, on its executor, unless it is removed before.
  void add(place& at, const std::shared_ptr<driver>& one, time_point when);
  void remove(place& at) noexcept;
  std::size_t size() const;

 private:
  void shutdown() override;
  void arm();
  void look();
  void take_out(list::iterator one) noexcept;

  mutable std::mutex gate_;
  list waiting_;  // the earliest deadline first
  list spare_;    // nodes for the next ones, so that a handshake allocates none
  std::optional<net::steady_timer> timer_;
  bool is_armed_ = false;
  time_point armed_for_{};
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
