// SPDX-License-Identifier: Apache-2.0
// The waits on the layer: how they begin, how they are cancelled, and what follows when one has ended.
//
// A wait is a user's operation (read, write, bounded) or the driver's own, which may outlast the operation that began
// it. The layer has one wait in each direction at a time: is_filling_ and is_draining_ are true from its beginning to
// wait_ended(), whichever it is.
#include "asio/driver_operations.hpp"

#include <boost/asio/error.hpp>

#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

layer_wait driver::wait_for(wait_kind kind, net::cancellation_signal& signal, operation_handler handler) {
  const bool is_plain = kind == wait_kind::read || kind == wait_kind::write;
  return {.user = shared_from_this(),
          .executor = is_plain ? &executor() : &serial(),
          .slot = signal.slot(),
          .handler = std::move(handler),
          .kind = kind};
}

// The connection is asked again, whatever the result. A wait that was aborted, but not by us, means that the program
// cancelled the layer's operations, or closed it.
void driver::wait_ended(layer_wait ended, const error_code& ec, std::size_t n) {
  turn mine(gate_, turn_gate::step);
  const bool is_aborted = ec == net::error::operation_aborted;
  switch (ended.kind) {
    case wait_kind::read:
      end_quiet();
      is_filling_ = reading_.is_waiting = false;
      if (is_aborted) reading_.cancel();
      return read_step(mine, std::move(ended.handler), begun::before);
    case wait_kind::write:
      is_draining_ = writing_.is_waiting = false;
      if (is_aborted) writing_.cancel();
      return write_drained(mine, std::move(ended.handler), n);
    case wait_kind::bounded_input:
    case wait_kind::bounded_output:
      check_serial();
      bounded_.is_waiting = false;
      note_wait_end(ended.kind == wait_kind::bounded_output, n);
      if (!std::exchange(is_woken_, false) && is_aborted) bounded_.cancel();
      return bounded_step(mine, std::move(ended.handler), begun::before);
    case wait_kind::own_input:
    case wait_kind::own_output: check_serial(); own_wait_ended(ended.kind == wait_kind::own_output, is_aborted, n);
  }
}

void driver::note_wait_end(bool is_output, std::size_t n) {
  if (is_output) {
    is_draining_ = false;
    return tls_.sent(n);
  }
  is_filling_ = false;
  if (read_park_) read_park_->cancel();
}

// A failed connection whose last drain ends lingers then, because begin_linger() has waited for it.
void driver::own_wait_ended(bool is_output, bool is_aborted, std::size_t n) {
  (is_output ? is_own_drain_ : is_own_fill_) = false;
  note_wait_end(is_output, n);
  if (is_output && !bounded_.is_active) linger_if_due();
  if (is_aborted && !is_finishing_) bounded_.cancel();
  wake_bounded();
}

void driver::arm_fill(want next) {
  if (is_filling_ || !layer_->can_fill()) return;
  is_filling_ = is_own_fill_ = true;
  auto wait = wait_for(wait_kind::own_input, fill_signal_, {});
  if (next == want::application) return layer_->async_fill(std::move(wait));
  layer_->async_wait_input(std::move(wait));
}

// Lingering drains by it too, when no operation is bounded.
void driver::arm_drain() {
  if (is_draining_) return;
  is_draining_ = is_own_drain_ = true;
  layer_->async_drain(tls_.unsent(), wait_for(wait_kind::own_output, drain_signal_, {}));
}

// Ends the wait in which the handler of a handshake or of a shutdown is, so that a step follows.
void driver::wake_bounded() noexcept {
  if (bounded_.is_waiting) {
    is_woken_ = true;
    bounded_.inner.emit(net::cancellation_type::terminal);
  } else if (park_) {
    park_->cancel();
  }
}

void driver::end_own_waits() noexcept {
  if (is_own_fill_) fill_signal_.emit(net::cancellation_type::terminal);
  if (is_own_drain_) drain_signal_.emit(net::cancellation_type::terminal);
}

// Cancels every wait that is under way.
void driver::end_waits() noexcept {
  end_own_waits();
  for (auto* a : {&reading_, &writing_, &bounded_}) {
    if (a->is_waiting) a->inner.emit(net::cancellation_type::terminal);
  }
  if (park_) park_->cancel();
  if (read_park_) read_park_->cancel();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
