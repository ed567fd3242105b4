// SPDX-License-Identifier: Apache-2.0
// Reading and writing, one wait on the layer at a time; and what ends a driver.
//
// Reads and writes run on executor(), the stream's own, because a program has at most one of each and keeps them on one
// strand. Each is a loop of steps: ask the connection, wait for what it needs, ask again. A step either completes the
// operation (finish) or begins exactly one wait, which takes the user's handler along.
#include "asio/driver.hpp"

#include "asio/driver_operations.hpp"
#include "asio/linger.hpp"
#include "asio/signature_wait.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

constexpr auto terminal = net::cancellation_type::terminal;
constexpr auto partial = net::cancellation_type::partial;
constexpr auto total = net::cancellation_type::total;

connection make_connection(const context& ctx, role side, const stream_options& options) {
  return {ctx, side,
          connection_options{.server_name = options.server_name,
                             .alpn = options.alpn,
                             .early_data = options.early_data,
                             .port = options.port}};
}

// Not in failure_, which the thread that has the turn may be writing.
const failure& overlapping_call() {
  static const failure error =
      make_failure(errc::in_use, "stream", "a second thread called it while a call was under way",
                   "give each stream one strand (boost::asio::make_strand) and use it there alone");
  return error;
}

}  // namespace

// The options have been moved as far as this. NOLINTNEXTLINE(performance-unnecessary-value-param)
driver::driver(std::unique_ptr<layer> below, const context& ctx, role side, stream_options options,
               serial_executor serial)
    : layer_(std::move(below)),
      home_(layer_->executor()),
      serial_(std::move(serial)),
      is_serial_(serial_.any() == home_.any()),
      tls_(make_connection(ctx, side, options)),
      handshake_timeout_(options.handshake_timeout),
      shutdown_timeout_(options.shutdown_timeout) {}

driver::driver(std::unique_ptr<layer> below, failure error, const context& ctx, serial_executor serial)
    : layer_(std::move(below)),
      home_(layer_->executor()),
      serial_(std::move(serial)),
      is_serial_(serial_.any() == home_.any()),
      tls_(connection::failed(ctx, error)),
      failure_(std::move(error)),
      handshake_timeout_(0),
      shutdown_timeout_(0) {}

driver::~driver() {
  end_deadline();
  leave_population();
}

// The error of a call that may not begin. The order follows from what may be used: without the turn, nothing that
// another thread may be changing; without a layer, nothing that waits for it. Once the driver lingers, the layer
// belongs to it alone, and every call reports the failure; it may be new to the caller, because a read that returned
// bytes did not report it. Reads go on to the connection, which has what arrived before the alert that a write found.
error_code driver::error_of_call(const turn& mine, const activity& a, phase at) {
  was_overlapping_ = !mine;
  if (!mine) return overlapping_call().code;
  if (!layer_) {
    failure_ = in_phase(
        at, make_failure(errc::not_ready, "stream", "its layer was released", "make another stream on the layer"));
    return failure_.code;
  }
  if (a.is_active) {
    failure_ = in_phase(at, make_failure(errc::in_use, to_string(at), "another one is outstanding",
                                         "begin the next when it has completed"));
    return failure_.code;
  }
  if (!is_lingering_ || (at == phase::read && was_established())) return {};
  note_failure(tls_.last_failure().code, at);
  return failure_.code;
}

// From here to finish(), the operation is active. A cancellation is noted in `a`, and passed on to the wait that is
// under way. The user's slot is assigned here, on the caller's thread, and not used again: it belongs to that thread.
void driver::begin(activity& a, operation_handler& handler, net::cancellation_type accepted) {
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

void driver::finish(turn& mine, activity& a, operation_handler handler, begun when, error_code ec, std::size_t n) {
  a.is_active = false;
  if (&a != &bounded_ && bounded_.is_active) wake_bounded();  // a shutdown may wait for the same direction
  linger_if_due();                                            // before the handler, which may destroy the stream
  if (when == begun::now) {
    // The handler may run on another thread, and destroy the stream, before post() returns.
    const auto self = shared_from_this();
    mine.leave();
    post_completion(home_, std::move(handler), ec, n);
  } else {
    // The operation that calls this refers to the driver.
    mine.leave();
    dispatch_completion(home_, std::move(handler), ec, n);
  }
}

void driver::reject(operation_handler handler, error_code ec) {
  const auto self = shared_from_this();  // as in finish()
  post_completion(home_, std::move(handler), ec, std::size_t{0});
}

void driver::start_read(std::span<std::byte> into, operation_handler handler) {
  turn mine(gate_, turn_gate::call);
  const auto ec = error_of_call(mine, reading_, phase::read);
  if (ec) return reject(std::move(handler), ec);
  read_into_ = into;
  begin(reading_, handler, terminal | partial | total);
  read_step(mine, std::move(handler), begun::now);
}

// is_filling_ is true while a wait on the input is under way, of whichever operation: the layer allows one at a time. A
// read that finds a wait left over from a handshake is parked until that has ended (see arm_fill()).
//
// While the driver lingers, a read completes at once and does not use the layer, which may be closed: the connection
// has failed, and returns the data that it has kept or its failure.
void driver::read_step(turn& mine, operation_handler handler, begun when) {
  if (!is_lingering_ && (reading_.is_cancelled() || is_stopped_)) {
    forget_idle();
    return finish(mine, reading_, std::move(handler), when, net::error::operation_aborted);
  }
  const auto st = tls_.read(layer_->io(), read_into_);
  if (st.next == want::again) {  // the other work of the event loop comes first
    return net::post(executor(), posted_read{{shared_from_this(), std::move(handler), &executor(), {}}});
  }
  if (st.next == want::read) {
    if (is_filling_) {
      if (!read_park_) read_park_ = std::make_unique<net::steady_timer>(executor());
      read_park_->expires_at(clock_type::time_point::max());
      return read_park_->async_wait(posted_read{{shared_from_this(), std::move(handler), &executor(), {}}});
    }
    is_filling_ = reading_.is_waiting = true;
    begin_quiet();
    return layer_->async_wait_input(wait_for(wait_kind::read, reading_.inner, std::move(handler)));
  }
  error_code ec = st.error;
  if (st.ended) ec = net::error::eof;
  if (ec && !st.ended) note_failure(ec, phase::read);
  if (ec) forget_idle();
  has_returned_data_ = has_returned_data_ || st.bytes > 0;
  finish(mine, reading_, std::move(handler), when, ec, st.bytes);
}

void driver::start_write(const gathered_buffers& from, operation_handler handler) {
  turn mine(gate_, turn_gate::call);
  const auto ec = error_of_call(mine, writing_, phase::write);
  if (ec) return reject(std::move(handler), ec);
  encrypted_ = 0;
  begin(writing_, handler, terminal | partial);
  write_step(mine, std::move(handler), from, begun::now);
}

// `from` is the caller's own array as long as the initiating function runs: s2n gets that one. It is kept only for a
// write that must wait before anything of it is encrypted, because an earlier write's ciphertext is still unsent. Once
// some of it is encrypted (encrypted_ > 0), only ciphertext is left to be sent, and the buffers are not used again.
void driver::write_step(turn& mine, operation_handler handler, const gathered_buffers& from, begun when) {
  const auto st = tls_.write(layer_->io(), from.parts());
  encrypted_ = st.bytes;
  if (st.next != want::nothing && encrypted_ == 0 && &from != &pending_write_) pending_write_ = from;
  if (st.next == want::write) return drain_for_write(std::move(handler));
  if (st.next == want::again) return flush_again(std::move(handler));
  if (st.error) note_failure(st.error, phase::write);
  finish(mine, writing_, std::move(handler), when, st.error, encrypted_);
}

// The bytes of unsent() stay where they are until sent() is called, also when the connection appends to them meanwhile
// (an answer to a KeyUpdate).
void driver::drain_for_write(operation_handler handler) {
  is_draining_ = writing_.is_waiting = true;
  layer_->async_drain(tls_.unsent(), wait_for(wait_kind::write, writing_.inner, std::move(handler)));
}

// The layer is broken for writing, and the input may contain the peer's alert, but also more data than one call
// processes. The other work of the event loop comes first.
void driver::flush_again(operation_handler handler) {
  net::post(executor(), posted_write{{shared_from_this(), std::move(handler), &executor(), {}}});
}

// sent() comes first, also for a write that was cancelled: the bytes have left, and must not be sent again.
void driver::write_drained(turn& mine, operation_handler handler, std::size_t n) {
  tls_.sent(n);
  if (writing_.is_cancelled() || is_stopped_) {
    return finish(mine, writing_, std::move(handler), begun::before, net::error::operation_aborted, encrypted_);
  }
  const auto st = tls_.flush(layer_->io());
  if (st.next == want::write) return drain_for_write(std::move(handler));
  if (st.next == want::again) return flush_again(std::move(handler));
  // The earlier ciphertext has been sent, and the write itself can begin.
  if (!st.error && encrypted_ == 0) return write_step(mine, std::move(handler), pending_write_, begun::before);
  if (st.error) note_failure(st.error, phase::write);
  finish(mine, writing_, std::move(handler), begun::before, st.error, encrypted_);
}

void driver::wake() {
  const turn mine(gate_, turn_gate::step);
  wake_bounded();
}

void driver::post_wake(std::shared_ptr<driver> one) {
  const auto where = one->serial();
  net::post(where, [d = std::move(one)] { d->wake(); });
}

// The program has emitted its signal, on any thread. The wait is cancelled on its executor, in a turn. By then the
// operation may have completed, and another one begun: `number` identifies the one that was meant.
void driver::post_cancel(activity& a, std::uint64_t number, net::cancellation_type type) {
  const auto& where = &a == &bounded_ ? serial() : executor();
  net::post(where, [self = shared_from_this(), &a, number, type] {
    const turn mine(self->gate_, turn_gate::step);
    if (!a.is_active || a.number != number || self->is_stopped_) return;
    if (&a == &self->bounded_) return self->wake_bounded();
    if (a.is_waiting) a.inner.emit(type);
    if (&a == &self->reading_ && self->read_park_) self->read_park_->cancel();
  });
}

void driver::note_failure(const error_code& ec, phase at) {
  failure_ = tls_.last_failure();
  if (!failure_.code) failure_ = in_phase(at, make_failure(ec, to_string(at)));  // the call was rejected
}

const failure& driver::last_failure() const noexcept { return was_overlapping_ ? overlapping_call() : failure_; }

// The stream is being destroyed, on any thread and in any state; it waits for its turn. What is outstanding ends
// with operation_aborted. An owned socket that lingers goes on without its stream. When this returns, a borrowed layer
// has been used for the last time: is_stopped_ comes before everything that can make another step run.
void driver::stop() noexcept {
  const turn mine(gate_, turn_gate::step);
  if (is_lingering_ && layer_ && layer_->is_owned()) return;
  is_stopped_ = true;
  forget_idle();
  if (signature_) signature_->detach();
  end_waits();
  if (layer_) layer_->close();
  if (is_lingering_) linger_service::of(executor()).remove(*this);
}

// The layer object is kept in released_, because waits that were begun on it still refer to it when they end; only its
// NextLayer is moved out.
layer& driver::release() noexcept {
  const turn mine(gate_, turn_gate::step);
  if (!layer_) return *released_;
  is_stopped_ = true;
  forget_idle();
  end_waits();
  if (is_lingering_) linger_service::of(executor()).remove(*this);
  released_ = std::move(layer_);
  return *released_;
}

error_code driver::request_key_update() {
  const turn mine(gate_, turn_gate::call);
  const activity nothing_alike;
  if (const auto ec = error_of_call(mine, nothing_alike, phase::write)) return ec;
  return tls_.request_key_update();
}

void driver::set_timeouts(std::chrono::nanoseconds handshake, std::chrono::nanoseconds shutdown) noexcept {
  handshake_timeout_ = handshake;
  shutdown_timeout_ = shutdown;
}

// In the order in which they were received: the connection took them from the layer first.
std::vector<std::byte> driver::read_ahead() const {
  std::vector<std::byte> ahead;
  const auto of_layer = layer_ ? layer_->unread() : std::span<const std::byte>();
  for (const auto part : {tls_.read_ahead(), of_layer}) ahead.insert(ahead.end(), part.begin(), part.end());
  return ahead;
}

// The connection's counts, with the times that only the driver has measured. The connection has no time of a handshake
// that is under way, or that the driver ended.
connection_statistics driver::statistics() const noexcept {
  auto made = tls_.statistics();
  const auto by_connection = std::exchange(made.timings, timings_);
  if (made.timings.handshake == std::chrono::nanoseconds(0)) {
    made.timings.handshake = by_connection.handshake;
    made.timings.signing = by_connection.signing;
  }
  return made;
}

const failure& empty_failure() noexcept {
  static const failure error = make_failure(errc::not_ready, "stream", "it is empty: moved from, or never made");
  return error;
}

driver_pointer make_driver(std::unique_ptr<layer> below, const context& ctx, role side, stream_options options) {
  const auto own = below->executor();
  const auto serial = options.serial ? serial_executor::promised(own) : serial_executor::of(own);
  return make_driver_on(serial, std::move(below), ctx, side, std::move(options));
}

std::shared_ptr<driver> make_driver_on(const serial_executor& serial, std::unique_ptr<layer> below, const context& ctx,
                                       role side, stream_options options) {
  return std::make_shared<driver>(std::move(below), ctx, side, std::move(options), serial);
}

driver_pointer make_failed_driver(std::unique_ptr<layer> below, const context& ctx, failure error) {
  auto serial = serial_executor::of(below->executor());
  return std::make_shared<driver>(std::move(below), std::move(error), ctx, std::move(serial));
}

void abandon(std::shared_ptr<driver> d) {
  const auto where = d->serial();
  net::post(where, [d = std::move(d)] { d->stop(); });
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
