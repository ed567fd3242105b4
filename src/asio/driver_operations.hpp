// SPDX-License-Identifier: Apache-2.0
// The driver's intermediate handlers: each carries the user's handler through one wait.
#pragma once

#include "asio/completion.hpp"
#include "asio/driver.hpp"

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>

namespace sluice {
inline namespace v0 {
namespace detail {

// Runs on one of the driver's executors, allocates as the user's handler does, is cancelled through the driver.
template <class Handler>
struct carried {
  std::shared_ptr<driver> d;
  Handler handler;
  net::any_io_executor executor;
  net::cancellation_slot slot;

  using executor_type = net::any_io_executor;
  using allocator_type = net::associated_allocator_t<Handler>;
  using cancellation_slot_type = net::cancellation_slot;
  executor_type get_executor() const noexcept { return executor; }
  allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
  cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
};

struct driver::read_operation : carried<size_handler> {
  void operator()(error_code ec, std::size_t) {
    turn mine(d->gate_, turn_gate::step);
    d->end_quiet();
    d->is_filling_ = d->reading_.is_waiting = false;
    // Ours, or that of somebody who cancelled or closed the layer itself.
    if (ec == net::error::operation_aborted) d->reading_.cancel();
    d->read_step(mine, std::move(handler), begun::before);
  }
};

struct driver::parked_read : carried<size_handler> {
  void operator()(error_code = {}) {
    turn mine(d->gate_, turn_gate::step);
    d->read_step(mine, std::move(handler), begun::before);
  }
};

struct driver::write_operation : carried<size_handler> {
  void operator()(error_code ec = {}, std::size_t n = 0) {
    turn mine(d->gate_, turn_gate::step);
    d->is_draining_ = d->writing_.is_waiting = false;
    if (ec == net::error::operation_aborted) d->writing_.cancel();
    d->write_drained(mine, std::move(handler), n);
  }
};

struct driver::bounded_operation : carried<void_handler> {
  void operator()(error_code = {}) {
    turn mine(d->gate_, turn_gate::step);
    d->bounded_step(mine, std::move(handler));
  }
};

// Notes the user's wish to cancel, and passes it on to whatever is being waited for. The slot is assigned here, on the
// caller's thread, and never touched again: it belongs to that thread.
template <class Handler>
void driver::begin(activity& a, Handler& handler, net::cancellation_type accepted) {
  a.is_active = true;
  const auto number = ++a.number;
  auto slot = net::get_associated_cancellation_slot(handler);
  if (!slot.is_connected()) return;
  // Weak: the slot may be used when the handler and the driver are long gone, and by number: or when the next
  // operation is under way.
  slot.assign([weak = weak_from_this(), &a, number, accepted](net::cancellation_type type) {
    const auto self = weak.lock();
    if (!self || (type & accepted) == net::cancellation_type::none || a.number != number) return;
    a.cancelled = number;
    self->post_cancel(a, number, type & accepted);
  });
}

template <class Handler, class... Args>
void driver::finish(turn& mine, activity& a, Handler handler, begun when, Args... args) {
  a.is_active = false;
  if (&a != &bounded_ && bounded_.is_active) park_.cancel();  // a shutdown may need what this one was waiting for
  linger_if_due();                                            // before the handler runs: it may destroy the stream
  const auto where = executor_;
  mine.leave();
  if (when == begun::now) {
    post_completion(where, std::move(handler), args...);
  } else {
    dispatch_completion(where, std::move(handler), args...);
  }
}

template <class Handler, class... Args>
void driver::refuse(Handler handler, Args... args) {
  post_completion(executor_, std::move(handler), args...);
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
