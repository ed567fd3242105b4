// SPDX-License-Identifier: Apache-2.0
// The intermediate handlers of the driver: each carries the user's handler through one wait, and makes one step.
#pragma once

#include "asio/completion.hpp"
#include "asio/driver.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>

#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

struct driver::read_operation : carried<driver, size_handler> {
  void operator()(error_code ec, std::size_t) {
    turn mine(self->gate_, turn_gate::step);
    self->end_quiet();
    self->is_filling_ = self->reading_.is_waiting = false;
    // By our signal, or because the program cancelled the layer's operations or closed it.
    if (ec == net::error::operation_aborted) self->reading_.cancel();
    self->read_step(mine, std::move(handler), begun::before);
  }
};

struct driver::parked_read : carried<driver, size_handler> {
  void operator()(error_code = {}) {
    turn mine(self->gate_, turn_gate::step);
    self->read_step(mine, std::move(handler), begun::before);
  }
};

struct driver::write_operation : carried<driver, size_handler> {
  void operator()(error_code ec = {}, std::size_t n = 0) {
    turn mine(self->gate_, turn_gate::step);
    self->is_draining_ = self->writing_.is_waiting = false;
    if (ec == net::error::operation_aborted) self->writing_.cancel();
    self->write_drained(mine, std::move(handler), n);
  }
};

struct driver::bounded_operation : carried<driver, void_handler> {
  void operator()(error_code = {}) {
    turn mine(self->gate_, turn_gate::step);
    self->bounded_step(mine, std::move(handler), begun::before);
  }
};

// A wait on the layer that a handshake or a shutdown is in.
struct driver::bounded_wait : carried<driver, void_handler> {
  bool is_output;
  void operator()(error_code ec, std::size_t n) {
    turn mine(self->gate_, turn_gate::step);
    self->check_serial();
    self->bounded_.is_waiting = false;
    if (is_output) {
      self->is_draining_ = false;
      self->tls_.sent(n);
    } else {
      self->is_filling_ = false;
      if (self->read_park_) self->read_park_->cancel();
    }
    // Not by us: the program cancelled the layer's operations, or closed it.
    const bool is_woken = std::exchange(self->is_woken_, false);
    if (ec == net::error::operation_aborted && !is_woken) self->bounded_.cancel();
    self->bounded_step(mine, std::move(handler), begun::before);
  }
};

// From here to finish(), the operation is active. A cancellation is noted in `a`, and passed on to the wait that is
// under way. The user's slot is assigned here, on the caller's thread, and not used again: it belongs to that thread.
template <class Handler>
void driver::begin(activity& a, Handler& handler, net::cancellation_type accepted) {
  a.is_active = true;
  const auto number = ++a.number;
  auto slot = net::get_associated_cancellation_slot(handler);
  if (!slot.is_connected()) return;
  // The signal may be emitted when the driver has gone, hence the weak pointer, or when the next operation is under
  // way, hence the number.
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
  if (&a != &bounded_ && bounded_.is_active) wake_bounded();  // a shutdown may wait for the same direction
  linger_if_due();                                            // before the handler, which may destroy the stream
  if (when == begun::now) {
    // The handler may run on another thread, and destroy the stream, before post() returns.
    const auto self = shared_from_this();
    mine.leave();
    post_completion(home_, std::move(handler), args...);
  } else {
    // The operation that calls this refers to the driver.
    mine.leave();
    dispatch_completion(home_, std::move(handler), args...);
  }
}

template <class Handler, class... Args>
void driver::reject(Handler handler, Args... args) {
  const auto self = shared_from_this();  // as in finish()
  post_completion(home_, std::move(handler), args...);
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
