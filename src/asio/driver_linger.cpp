// SPDX-License-Identifier: Apache-2.0
// After a failure: the socket stays until the blinding delay is over and the alert is sent, then closes.
#include "asio/driver_operations.hpp"
#include "asio/linger.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <system_error>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

// For sending the alert, and then for the peer to read it: closing with input unread would reset the connection and
// could take the alert with it.
constexpr auto telling_time = std::chrono::seconds(5);
constexpr auto parting_time = std::chrono::seconds(1);

}  // namespace

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
    const turn mine(self->gate_, turn_gate::step);
    self->check_serial();
    (self.get()->*next)();
  }));
}

// The blinding delay is nothing that a loop should run for.
void driver::sleep_through(std::chrono::nanoseconds delay) {
  const auto until = clock_type::now() + std::chrono::duration_cast<clock_type::duration>(delay);
  try {
    linger_service::of(executor_).wake_at(shared_from_this(), until, false);
  } catch (const std::system_error&) {
    linger_wait(until, &driver::linger_on);  // no thread to be had
  }
}

void driver::linger_step() {
  const turn mine(gate_, turn_gate::step);
  check_serial();
  linger_on();
}

void driver::linger_on() {
  const auto now = clock_type::now();
  if (is_stopped_ || (linger_until_ != clock_type::time_point{} && now >= linger_until_)) return leave();
  const auto st = tls_.close_failed(layer_->io());
  if (st.next == want::delay) return sleep_through(st.delay);
  if (linger_until_ == clock_type::time_point{}) linger_until_ = now + telling_time;
  if (st.next == want::write) {
    arm_drain();
    return linger_wait(linger_until_, &driver::linger_on);
  }
  if (!layer_->is_owned()) return leave();  // what becomes of it is its owner's business
  layer_->end_output();
  linger_until_ = now + parting_time;
  drain_input();
}

void driver::drain_input_then_close() {
  if (is_stopped_) return leave();
  drain_input();
}

// A little at a time: a peer that floods us must not hold the loop.
void driver::drain_input() {
  std::array<std::byte, 4096> unread;
  error_code ec;
  std::size_t n = 1;
  for (int round = 0; round < 16 && n > 0; ++round) n = layer_->io().read(unread, ec);
  const bool is_over = layer_->has_ended() || (n == 0 && !ec) || clock_type::now() >= linger_until_;
  if (is_over) return leave();
  arm_fill();
  linger_wait(linger_until_, &driver::drain_input_then_close);
}

void driver::end_linger() {
  const turn mine(gate_, turn_gate::step);
  if (!is_stopped_) leave();
}

void driver::leave() {
  linger_service::of(executor_).remove(*this);
  if (std::exchange(is_stopped_, true)) return;  // the stream has gone, and with it what it had borrowed
  layer_->close();
  end_waits();
}

// --- After a synchronous call: nobody may be running the executor, so the service's thread sees to the rest. ---

void driver::linger_alone() {
  if (is_lingering_ || is_stopped_ || !tls_.has_failed()) return;
  if (reading_.is_active || writing_.is_active || bounded_.is_active || is_draining_) return;
  is_lingering_ = true;
  forget_idle();
  const auto st = tls_.close_failed(layer_->io());
  if (!layer_->is_owned()) return;
  if (st.next == want::delay) {
    auto& service = linger_service::of(executor_);
    service.add(shared_from_this());
    try {
      const auto until = clock_type::now() + std::chrono::duration_cast<clock_type::duration>(st.delay);
      return service.wake_at(shared_from_this(), until, true);
    } catch (const std::system_error&) {
      service.remove(*this);  // no thread to be had: better closed at once than never
    }
  }
  is_stopped_ = true;
  layer_->close();
}

void driver::end_alone() noexcept {
  const turn mine(gate_, turn_gate::step);
  if (std::exchange(is_stopped_, true) || !layer_) return;
  tls_.close_failed(layer_->io());
  layer_->end_output();
  // With input unread, closing would reset the connection and could take the alert with it.
  std::array<std::byte, 4096> unread;
  error_code ec;
  for (int round = 0; round < 16 && layer_->io().read(unread, ec) > 0; ++round) {
  }
  layer_->close();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
