// SPDX-License-Identifier: Apache-2.0
// Handshake and shutdown, whose waits several events may end: input, output, a signature, a cancellation, the deadline.
//
// All steps run on serial(), so that the events are ordered. The user's handler is in exactly one place: inside the
// wait on the layer if that can be cancelled and has nothing else to do (wait_inside), else in park_, a timer that
// expires at the deadline. An event changes the state and ends that wait (wake_bounded); the step that follows
// (bounded_step) looks at the state and never at the event. An event too many costs a step and does no harm.
//
// One operation goes through: begun (bounded_.is_active, verb_ set) -> steps, each in a wait until the next event ->
// finishing (is_finishing_), only while a wait on the layer has not ended -> done, which resets verb_.
#include "asio/driver_operations.hpp"
#include "asio/signature_wait.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::chrono::steady_clock::time_point deadline_after(std::chrono::nanoseconds limit,
                                                     std::chrono::steady_clock::time_point from) noexcept {
  using clock_type = std::chrono::steady_clock;
  const bool is_unbounded = limit > clock_type::time_point::max() - from;
  return is_unbounded ? clock_type::time_point::max() : from + duration_cast<clock_type::duration>(limit);
}

// The bytes that were already read are given to the layer before any of its own, and only if the handshake may begin.
void driver::start_handshake(std::vector<std::byte> already_read, operation_handler handler) {
  turn mine(gate_, turn_gate::call);
  if (mine && layer_ && !bounded_.is_active && !already_read.empty()) layer_->preload(already_read);
  start_bounded(mine, verb::handshake, handshake_timeout_, std::move(handler));
}

void driver::start_shutdown(bool waits_for_peer, operation_handler handler) {
  turn mine(gate_, turn_gate::call);
  start_bounded(mine, waits_for_peer ? verb::shutdown : verb::shutdown_write, shutdown_timeout_, std::move(handler));
}

void driver::start_bounded(turn& mine, verb what, std::chrono::nanoseconds limit, operation_handler handler) {
  const auto at = what == verb::handshake ? phase::handshake : phase::shutdown;
  if (const auto ec = error_of_call(mine, bounded_, at)) return reject(std::move(handler), ec);
  verb_ = what;
  if (what != verb::handshake) layer_->stop_reading_ahead();  // what follows the peer's close_notify is not TLS
  bounded_began_ = clock_type::now();
  deadline_ = deadline_after(limit);
  begin(bounded_, handler, net::cancellation_type::terminal);
  if (is_serial_) return bounded_step(mine, std::move(handler), begun::now);
  net::post(serial(), posted_bounded{{shared_from_this(), std::move(handler), &serial(), {}}});
}

void driver::check_serial() const { assert(serial_.may_run_here()); }

step driver::call_verb() {
  switch (verb_) {
    case verb::handshake: return tls_.handshake(layer_->io());
    case verb::shutdown: return tls_.shutdown(layer_->io());
    case verb::shutdown_write: return tls_.shutdown_write(layer_->io());
    case verb::none: break;
  }
  return {};
}

// The order of the questions matters. is_finishing_ is first, since the outcome is settled then. A cancellation is
// next: it ends the connection, because a handshake or a shutdown in its middle cannot be continued. The connection is
// asked before the clock is, so that what has arrived in time counts. await_signature() may fail the connection, too.
void driver::bounded_step(turn& mine, operation_handler handler, begun when) {
  if (is_finishing_) return finish_bounded(mine, std::move(handler), when, outcome_);
  if (bounded_.is_cancelled() || is_stopped_) {
    if (!is_stopped_) tls_.fail(in_phase(phase_now(), make_failure(net::error::operation_aborted, "", "cancelled")));
    return finish_bounded(mine, std::move(handler), when, net::error::operation_aborted);
  }
  auto st = call_verb();
  if (st.next != want::nothing && clock_type::now() >= deadline_) expire();
  if (st.next == want::again && !tls_.has_failed()) {  // the other work of the event loop comes first
    return net::post(serial(), posted_bounded{{shared_from_this(), std::move(handler), &serial(), {}}});
  }
  if (st.next == want::application && !tls_.has_failed()) await_signature();
  if (tls_.has_failed()) st = {.error = tls_.last_failure().code};
  if (st.next == want::nothing) return finish_bounded(mine, std::move(handler), when, st.error);
  wait(st.next, std::move(handler));
}

// Until the next event: output, if the connection asks for that, else input, beside which a signature may come.
void driver::wait(want next, operation_handler handler) {
  const bool is_free = next == want::write ? !is_draining_ : !is_filling_ && layer_->can_fill();
  if (is_free && layer_->is_cancellable()) return wait_inside(next, std::move(handler));
  arm(next);
  park_until(deadline_, std::move(handler));
}

void driver::wait_inside(want next, operation_handler handler) {
  if (!has_deadline_) {
    if (deadlines_ == nullptr) deadlines_ = &deadline_service::of(executor());
    deadlines_->add(deadline_place_, shared_from_this(), deadline_);
    has_deadline_ = true;
  }
  const bool is_output = next == want::write;
  bounded_.is_waiting = true;
  auto& is_under_way = is_output ? is_draining_ : is_filling_;
  is_under_way = true;
  auto wait =
      wait_for(is_output ? wait_kind::bounded_output : wait_kind::bounded_input, bounded_.inner, std::move(handler));
  if (is_output) return layer_->async_drain(tls_.unsent(), std::move(wait));
  if (next == want::application) return layer_->async_fill(std::move(wait));
  layer_->async_wait_input(std::move(wait));
}

void driver::end_deadline() noexcept {
  if (std::exchange(has_deadline_, false)) deadlines_->remove(deadline_place_);
}

net::steady_timer& driver::parking() {
  if (!park_) park_ = std::make_unique<net::steady_timer>(executor());
  return *park_;
}

void driver::park_until(clock_type::time_point when, operation_handler handler) {
  parking().expires_at(when);
  park_->async_wait(posted_bounded{{shared_from_this(), std::move(handler), &serial(), {}}});
}

// Begins the waits that end the parking. A wait that is under way already, from an earlier step, is left as it is.
void driver::arm(want next) {
  if (next == want::write) return arm_drain();
  arm_fill(next);
}

// One signature_wait for all signatures of a connection, which follow one another. It does not keep the driver alive: a
// key may answer long after the stream has gone.
void driver::await_signature() {
  // The signature for a peer that has closed its end must not take up the token's time.
  if (layer_->has_ended()) {
    const auto error = layer_->ended_with();
    return tls_.fail(in_phase(phase::signing, make_failure(error ? error : make_error_code(errc::connection_closed), "",
                                                           "it hung up while the private key was being waited for")));
  }
  if (!signature_) signature_ = signature_wait::create(weak_from_this(), serial());
  tls_.start_application_work(deadline_, [wait = signature_] { wait->ready(); });
}

phase driver::phase_now() const noexcept { return verb_ == verb::handshake ? phase::handshake : phase::shutdown; }

void driver::expire() {
  tls_.expire_application_work();
  const auto limit = verb_ == verb::handshake ? handshake_timeout_ : shutdown_timeout_;
  const auto allowed = std::max(duration_cast<milliseconds>(limit), milliseconds(0));
  tls_.fail(in_phase(phase_now(), make_failure(errc::timed_out, to_string(phase_now()),
                                               "not done within " + std::to_string(allowed.count()) + " ms")));
}

// The operation completes when its waits on the layer have ended, so that none is left beside the operations that
// follow. A layer that cannot cancel gets settled_by_; a read that meets such a wait is parked (parked_read). A wait
// that belongs to a read or a write beside a shutdown is not ours to end.
bool driver::must_settle() {
  const bool fills = is_filling_ && !reading_.is_active;
  const bool drains = is_draining_ && !writing_.is_active;
  if ((!fills && !drains) || is_stopped_) return false;
  return !is_finishing_ || clock_type::now() < settled_by_;
}

void driver::finish_bounded(turn& mine, operation_handler handler, begun when, error_code ec) {
  if (must_settle()) {
    if (!is_finishing_) {
      is_finishing_ = true;
      outcome_ = ec;
      settled_by_ = clock_type::now() + milliseconds(100);
      end_own_waits();
    }
    return park_until(settled_by_, std::move(handler));
  }
  is_finishing_ = false;
  end_deadline();
  if (verb_ == verb::handshake) {
    timings_.signing = tls_.signing_time();
    timings_.handshake = clock_type::now() - bounded_began_;
  }
  if (ec) note_failure(ec, phase_now());
  if (verb_ == verb::shutdown) forget_idle();
  verb_ = verb::none;
  if (ec && bounded_.is_cancelled()) ec = net::error::operation_aborted;
  // Posted from a strand of ours: what follows is the user's, and must not run inside it.
  finish(mine, bounded_, std::move(handler), is_serial_ ? when : begun::now, ec);
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
