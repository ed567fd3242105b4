// SPDX-License-Identifier: Apache-2.0
// After a failure: the socket stays open until the blinding delay has passed and the alert has been sent, then closes.
//
// The states follow each other in one direction: the blinding delay, the alert (and the ciphertext before it), the end
// of our output, the peer's remaining input, closed. begin_linger() is the only entry, close_lingering() the only exit.
// While a driver lingers, no operation of the user's is active, so that park_ is free for the waits here; and the
// connection has failed, so that it uses the layer in close_failed() only. All steps run on serial(), but for those
// after a synchronous call, which end on the thread of the linger_service.
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

constexpr auto alert_timeout = std::chrono::seconds(5);  // for sending the alert
constexpr auto input_timeout = std::chrono::seconds(1);  // for the peer to receive it, see discard_some_input()

}  // namespace

// True at most once: the connection has failed, and no operation is active. An operation that is still active reports
// the failure first, and its finish() comes here again. A drain that has no operation any more must end too, because
// its bytes belong to the connection's output, which the alert follows.
bool driver::begin_linger() noexcept {
  if (is_lingering_ || is_stopped_ || !layer_ || !tls_.has_failed()) return false;
  if (reading_.is_active || writing_.is_active || bounded_.is_active || is_draining_) return false;
  is_lingering_ = true;
  forget_idle();
  return true;
}

void driver::linger_if_due() {
  if (!begin_linger()) return;
  // Of a peer that has gone there is mostly nothing to wait for, and the place may be another's.
  if (!layer_->has_ended()) take_linger_place();
  // Posted, because the caller may run on executor(), and what follows belongs on serial().
  net::post(serial(), [self = shared_from_this()] { self->resume_linger(); });
}

// Before the first wait at the latest.
void driver::take_linger_place() {
  if (!std::exchange(has_linger_place_, true)) linger_service::of(executor()).add(shared_from_this());
}

void driver::linger_wait(clock_type::time_point until, void (driver::*next)()) {
  take_linger_place();
  parking().expires_at(until);
  park_->async_wait(net::bind_executor(serial(), [self = shared_from_this(), next](error_code) {
    const turn mine(self->gate_, turn_gate::step);
    self->check_serial();
    (self.get()->*next)();
  }));
}

// By the linger_service, because a timer would be work of the event loop: a program whose only client has failed would
// end as late as the blinding delay.
void driver::sleep_through(std::chrono::nanoseconds delay) {
  take_linger_place();
  const auto until = clock_type::now() + std::chrono::duration_cast<clock_type::duration>(delay);
  try {
    linger_service::of(executor()).wake_at(shared_from_this(), until, linger_service::runs_on::executor);
  } catch (const std::system_error&) {
    linger_wait(until, &driver::continue_linger);  // there is no thread
  }
}

void driver::resume_linger() {
  const turn mine(gate_, turn_gate::step);
  check_serial();
  continue_linger();
}

// Called again after each wait: close_failed() returns what comes next. linger_until_ is unset during the blinding
// delay, which has no deadline but its own; it then limits the sending of the alert.
void driver::continue_linger() {
  const auto now = clock_type::now();
  if (is_stopped_ || (linger_until_ != clock_type::time_point{} && now >= linger_until_)) return close_lingering();
  const auto st = tls_.close_failed(layer_->io());
  if (st.next == want::delay) return sleep_through(st.delay);
  if (linger_until_ == clock_type::time_point{}) linger_until_ = now + alert_timeout;
  if (st.next == want::write) {
    arm_drain();
    return linger_wait(linger_until_, &driver::continue_linger);
  }
  if (!layer_->is_owned()) return close_lingering();  // its owner decides when it is closed
  layer_->end_output();
  linger_until_ = now + input_timeout;
  discard_input();
}

void driver::discard_more_input() {
  if (is_stopped_) return close_lingering();
  discard_input();
}

// Closing a socket with unread input resets the connection, and the peer could lose the alert. Input is therefore read
// and discarded, a limited amount at a time, because a peer that sends without pause must not block the event loop.
// False at the end of the input.
bool driver::discard_some_input() noexcept {
  std::array<std::byte, 4096> unread;
  error_code ec;
  std::size_t n = 1;
  layer_->expect_input();  // what the wait before this found may not be all
  for (int round = 0; round < 16 && n > 0; ++round) n = layer_->io().read(unread, ec);
  return n > 0 || ec;
}

void driver::discard_input() {
  const bool has_more = discard_some_input();
  if (!has_more || layer_->has_ended() || clock_type::now() >= linger_until_) return close_lingering();
  arm_fill(want::read);
  linger_wait(linger_until_, &driver::discard_more_input);
}

// The service calls it for the oldest of too many, in any of the states.
void driver::end_linger() {
  const turn mine(gate_, turn_gate::step);
  if (!is_stopped_) close_lingering();
}

// The waits are ended last: each of them holds a reference to this object, and its completion finds is_stopped_ set.
void driver::close_lingering() {
  linger_service::of(executor()).remove(*this);
  if (std::exchange(is_stopped_, true)) return;  // the stream was destroyed: a borrowed layer may be gone too
  layer_->close();
  end_waits();
}

// --- After a synchronous call. No thread may be running the executor, so that the thread of the service goes on. ---

void driver::linger_after_sync() {
  if (!begin_linger()) return;
  const auto st = tls_.close_failed(layer_->io());
  if (!layer_->is_owned()) return;
  if (st.next == want::delay) {
    take_linger_place();
    auto& service = linger_service::of(executor());
    try {
      const auto until = clock_type::now() + std::chrono::duration_cast<clock_type::duration>(st.delay);
      return service.wake_at(shared_from_this(), until, linger_service::runs_on::own_thread);
    } catch (const std::system_error&) {
      service.remove(*this);  // there is no thread: closing at once, without an alert, is better than never
    }
  }
  is_stopped_ = true;
  layer_->close();
}

// It must not wait, because the thread has other sockets to close: what the socket does not take at once is not sent.
void driver::close_on_linger_thread() noexcept {
  const turn mine(gate_, turn_gate::step);
  if (std::exchange(is_stopped_, true) || !layer_) return;
  tls_.close_failed(layer_->io());
  layer_->end_output();
  discard_some_input();
  layer_->close();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
