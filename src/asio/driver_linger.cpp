// SPDX-License-Identifier: Apache-2.0
// After a failure: the socket stays until the blinding delay is over and the peer has been told, then closes.
#include "asio/driver_operations.hpp"
#include "asio/linger.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>

namespace sluice::inline v0::detail {
namespace {

// For telling the peer, and then for its reading of it: closing with input unread would reset the connection and
// could take the alert with it.
constexpr auto telling_time = std::chrono::seconds(5);
constexpr auto parting_time = std::chrono::seconds(1);

}  // namespace

linger_service& linger_service::of(const net::any_io_executor& executor) {
  return net::use_service<linger_service>(net::query(executor, net::execution::context));
}

void linger_service::add(const std::shared_ptr<driver>& one) {
  std::shared_ptr<driver> oldest;
  {
    const std::lock_guard lock(gate_);
    waiting_.push_back({one.get(), one});
    if (waiting_.size() <= most) return;
    oldest = waiting_.front().held.lock();
    waiting_.pop_front();
  }
  if (oldest) net::post(oldest->serial_, [oldest] { oldest->end_linger(); });
}

void linger_service::remove(const driver& one) noexcept {
  const std::lock_guard lock(gate_);
  std::erase_if(waiting_, [&one](const entry& e) { return e.key == &one; });
}

std::size_t linger_service::size() const {
  const std::lock_guard lock(gate_);
  return waiting_.size();
}

void linger_service::shutdown() {
  const std::lock_guard lock(gate_);
  waiting_.clear();
}

// Once the connection has failed and nobody is waiting on it any more.
void driver::linger_if_due() {
  if (is_lingering_ || is_stopped_ || !layer_ || !tls_.has_failed()) return;
  if (reading_.is_active || writing_.is_active || bounded_.is_active || is_draining_) return;
  is_lingering_ = true;
  forget_idle();
  linger_service::of(executor_).add(shared_from_this());
  net::post(serial_, [self = shared_from_this()] { self->linger_step(); });
}

void driver::linger_wait(clock_type::time_point until, void (driver::*next)()) {
  park_.expires_at(until);
  park_.async_wait(net::bind_executor(serial_, [self = shared_from_this(), next](error_code) {
    (self.get()->*next)();
  }));
}

// Holding linger_gate_: a borrowed layer may go at any moment from another thread, but not while this looks at it.
void driver::linger_step() {
  const std::lock_guard lock(linger_gate_);
  const auto now = clock_type::now();
  if (is_stopped_ || (linger_until_ != clock_type::time_point{} && now >= linger_until_)) return leave();
  const auto st = tls_.farewell(layer_->io());
  if (st.next == want::delay) return linger_wait(now + st.delay, &driver::linger_step);
  if (linger_until_ == clock_type::time_point{}) linger_until_ = now + telling_time;
  if (st.next == want::write) {
    arm_drain();
    return linger_wait(linger_until_, &driver::linger_step);
  }
  if (!layer_->is_owned()) return leave();  // what becomes of it is its owner's business
  layer_->end_output();
  linger_until_ = now + parting_time;
  drain_input();
}

void driver::drain_input_then_close() {
  const std::lock_guard lock(linger_gate_);
  if (is_stopped_) return leave();
  drain_input();
}

// A little at a time: whoever floods us must not hold the loop.
void driver::drain_input() {
  std::array<std::byte, 4096> unread;
  error_code ec;
  std::size_t n = 1;
  for (int turn = 0; turn < 16 && n > 0; ++turn) n = layer_->io().read(unread, ec);
  const bool is_over = layer_->has_ended() || (n == 0 && !ec) || clock_type::now() >= linger_until_;
  if (is_over) return leave();
  arm_fill();
  linger_wait(linger_until_, &driver::drain_input_then_close);
}

void driver::end_linger() {
  const std::lock_guard lock(linger_gate_);
  leave();
}

void driver::leave() {
  is_stopped_ = true;
  linger_service::of(executor_).remove(*this);
  layer_->close();
  fill_signal_.emit(net::cancellation_type::terminal);
  bounded_.inner.emit(net::cancellation_type::terminal);
  park_.cancel();
}

}  // namespace sluice::inline v0::detail
