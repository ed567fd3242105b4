// SPDX-License-Identifier: Apache-2.0
// Reading and writing: the hot path, one wait on the layer at a time.
#include "asio/driver.hpp"

#include "asio/driver_operations.hpp"
#include "asio/linger.hpp"
#include "asio/signature_wait.hpp"

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

// Kept apart from a driver's own story, which the other thread may be writing.
const failure& second_thread() {
  static const failure why =
      make_failure(errc::in_use, "stream", "a second thread called it while a call was under way",
                   "give each stream one strand (boost::asio::make_strand) and use it there alone");
  return why;
}

}  // namespace

// The options have been moved as far as this. NOLINTNEXTLINE(performance-unnecessary-value-param)
driver::driver(std::unique_ptr<layer> below, const context& ctx, role side, stream_options options,
               serial_executor serial)
    : layer_(std::move(below)),
      executor_(layer_->executor()),
      strand_(std::move(serial)),
      serial_(strand_),
      tls_(make_connection(ctx, side, options)),
      handshake_timeout_(options.handshake_timeout),
      shutdown_timeout_(options.shutdown_timeout),
      park_(executor_) {}

driver::driver(std::unique_ptr<layer> below, failure why, const context& ctx, serial_executor serial)
    : layer_(std::move(below)),
      executor_(layer_->executor()),
      strand_(std::move(serial)),
      serial_(strand_),
      tls_(connection::failed(ctx, why)),
      failure_(std::move(why)),
      handshake_timeout_(0),
      shutdown_timeout_(0),
      park_(executor_) {}

driver::~driver() = default;

// Whether an operation may begin, and its error where it may not.
error_code driver::why_not(const turn& mine, const activity& a, phase at) {
  was_shared_ = !mine;
  if (!mine) return second_thread().code;
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
  if (!is_lingering_) return {};
  note_failure(tls_.last_failure().code, at);  // it may have come with the bytes of a read, which did not report it
  return failure_.code;
}

void driver::start_read(std::span<std::byte> into, size_handler handler) {
  turn mine(gate_, turn_gate::call);
  if (const auto ec = why_not(mine, reading_, phase::read)) return refuse(std::move(handler), ec, std::size_t{0});
  read_into_ = into;
  begin(reading_, handler, terminal | partial | total);
  read_step(mine, std::move(handler), begun::now);
}

void driver::read_step(turn& mine, size_handler handler, begun when) {
  if (reading_.is_cancelled() || is_stopped_) {
    forget_idle();
    return finish(mine, reading_, std::move(handler), when, error_code(net::error::operation_aborted), std::size_t{0});
  }
  const auto st = tls_.read(layer_->io(), read_into_);
  if (st.next == want::again) {  // after whatever else the loop has to do
    return net::post(executor_, parked_read{{shared_from_this(), std::move(handler), executor_, {}}});
  }
  if (st.next == want::read) {
    if (is_filling_) {  // a wait of a handshake's is still under way: its end wakes us
      if (!read_park_) read_park_.emplace(executor_);
      read_park_->expires_at(clock_type::time_point::max());
      return read_park_->async_wait(parked_read{{shared_from_this(), std::move(handler), executor_, {}}});
    }
    is_filling_ = reading_.is_waiting = true;
    begin_quiet();
    return layer_->async_fill(
        executor_, read_operation{{shared_from_this(), std::move(handler), executor_, reading_.inner.slot()}});
  }
  error_code ec = st.error;
  if (st.ended) ec = net::error::eof;
  if (ec && !st.ended) note_failure(ec, phase::read);
  if (ec) forget_idle();
  finish(mine, reading_, std::move(handler), when, ec, st.bytes);
}

void driver::start_write(const gathered_buffers& from, size_handler handler) {
  turn mine(gate_, turn_gate::call);
  if (const auto ec = why_not(mine, writing_, phase::write)) return refuse(std::move(handler), ec, std::size_t{0});
  write_from_ = from;
  sealed_ = 0;
  begin(writing_, handler, terminal | partial);
  write_step(mine, std::move(handler), begun::now);
}

void driver::write_step(turn& mine, size_handler handler, begun when) {
  const auto st = tls_.write(layer_->io(), std::span(write_from_.parts).first(write_from_.count));
  sealed_ = st.bytes;
  if (st.next == want::write) return drain_for_write(std::move(handler));
  if (st.next == want::again) return flush_again(std::move(handler));
  if (st.error) note_failure(st.error, phase::write);
  finish(mine, writing_, std::move(handler), when, st.error, sealed_);
}

void driver::drain_for_write(size_handler handler) {
  is_draining_ = writing_.is_waiting = true;
  layer_->async_drain(executor_, tls_.unsent(),
                      write_operation{{shared_from_this(), std::move(handler), executor_, writing_.inner.slot()}});
}

// The output is broken, and there is much to be read before it is known why: after whatever else the loop has to do.
void driver::flush_again(size_handler handler) {
  net::post(executor_, write_operation{{shared_from_this(), std::move(handler), executor_, {}}});
}

void driver::write_drained(turn& mine, size_handler handler, std::size_t n) {
  tls_.sent(n);
  if (writing_.is_cancelled() || is_stopped_) {
    return finish(mine, writing_, std::move(handler), begun::before, error_code(net::error::operation_aborted),
                  sealed_);
  }
  const auto st = tls_.flush(layer_->io());
  if (st.next == want::write) return drain_for_write(std::move(handler));
  if (st.next == want::again) return flush_again(std::move(handler));
  // What was in the way is gone; now for the caller's own bytes.
  if (!st.error && sealed_ == 0) return write_step(mine, std::move(handler), begun::before);
  if (st.error) note_failure(st.error, phase::write);
  finish(mine, writing_, std::move(handler), begun::before, st.error, sealed_);
}

void driver::wake() {
  const turn mine(gate_, turn_gate::step);
  park_.cancel();
}

// The user's signal was emitted, on whatever thread: what is to be cancelled is cancelled where it runs, unless it
// has completed by then.
void driver::post_cancel(activity& a, std::uint64_t number, net::cancellation_type type) {
  const auto& where = &a == &bounded_ ? serial_ : executor_;
  net::post(where, [self = shared_from_this(), &a, number, type] {
    const turn mine(self->gate_, turn_gate::step);
    if (!a.is_active || a.number != number || self->is_stopped_) return;
    if (&a == &self->bounded_) return void(self->park_.cancel());
    if (a.is_waiting) a.inner.emit(type);
    if (&a == &self->reading_ && self->read_park_) self->read_park_->cancel();
  });
}

void driver::note_failure(const error_code& ec, phase at) {
  failure_ = tls_.last_failure();
  if (!failure_.code) failure_ = in_phase(at, make_failure(ec, to_string(at)));  // the call was refused
}

const failure& driver::last_failure() const noexcept { return was_shared_ ? second_thread() : failure_; }

// Cancels every wait that is under way.
void driver::end_waits() noexcept {
  if (is_filling_ && !reading_.is_waiting) fill_signal_.emit(terminal);
  for (auto* a : {&reading_, &writing_, &bounded_}) {
    if (a->is_waiting) a->inner.emit(terminal);
  }
  park_.cancel();
  if (read_park_) read_park_->cancel();
}

// The stream is going. What is outstanding ends with operation_aborted; a socket of ours that lingers is left to it.
// When this returns, a layer that was borrowed has been touched for the last time.
void driver::stop() noexcept {
  const turn mine(gate_, turn_gate::step);
  if (is_lingering_ && layer_ && layer_->is_owned()) return;
  is_stopped_ = true;
  forget_idle();
  if (signature_) signature_->detach();
  end_waits();
  if (layer_) layer_->close();
  if (is_lingering_) linger_service::of(executor_).remove(*this);
}

// Kept until the last of what was begun on it has ended, wherever its NextLayer has moved to.
layer& driver::release() noexcept {
  const turn mine(gate_, turn_gate::step);
  if (!layer_) return *released_;
  is_stopped_ = true;
  forget_idle();
  end_waits();
  if (is_lingering_) linger_service::of(executor_).remove(*this);
  released_ = std::move(layer_);
  return *released_;
}

error_code driver::request_key_update() {
  const turn mine(gate_, turn_gate::call);
  const activity nothing_alike;
  if (const auto ec = why_not(mine, nothing_alike, phase::write)) return ec;
  return tls_.request_key_update();
}

// --- What the header-only half calls. ---

const failure& empty_failure() noexcept {
  static const failure why = make_failure(errc::not_ready, "stream", "it is empty: moved from, or never made");
  return why;
}

driver_pointer make_driver(std::unique_ptr<layer> below, const context& ctx, role side, stream_options options) {
  const auto serial = net::make_strand(below->executor());
  return make_driver_on(serial, std::move(below), ctx, side, std::move(options));
}

driver_pointer make_driver_on(const serial_executor& serial, std::unique_ptr<layer> below, const context& ctx,
                              role side, stream_options options) {
  return std::make_shared<driver>(std::move(below), ctx, side, std::move(options), serial);
}

driver_pointer make_failed_driver(std::unique_ptr<layer> below, const context& ctx, failure why) {
  auto serial = net::make_strand(below->executor());
  return std::make_shared<driver>(std::move(below), std::move(why), ctx, std::move(serial));
}

void abandon(driver_pointer d) {
  const auto where = d->serial_;
  net::post(where, [d = std::move(d)] { d->stop(); });
}

void destroy(driver_pointer d) noexcept { d->stop(); }  // NOLINT(performance-unnecessary-value-param): the last owner

void start_handshake(driver& d, std::vector<std::byte> already_read, void_handler handler) {
  d.start_handshake(std::move(already_read), std::move(handler));
}
void start_read(driver& d, std::span<std::byte> into, size_handler handler) { d.start_read(into, std::move(handler)); }
void start_write(driver& d, const gathered_buffers& from, size_handler handler) {
  d.start_write(from, std::move(handler));
}
void start_shutdown(driver& d, bool waits_for_peer, void_handler handler) {
  d.start_shutdown(waits_for_peer, std::move(handler));
}

void handshake(driver& d, std::span<const std::byte> already_read, error_code& ec) { d.handshake(already_read, ec); }
std::size_t read_some(driver& d, std::span<std::byte> into, error_code& ec) { return d.read_some(into, ec); }
std::size_t write_some(driver& d, const gathered_buffers& from, error_code& ec) { return d.write_some(from, ec); }
void shutdown(driver& d, bool waits_for_peer, error_code& ec) { d.shutdown(waits_for_peer, ec); }

void set_timeouts(driver& d, std::chrono::nanoseconds handshake, std::chrono::nanoseconds shutdown) {
  d.handshake_timeout_ = handshake;
  d.shutdown_timeout_ = shutdown;
}

layer& release(driver& d) noexcept { return d.release(); }
std::vector<std::byte> bytes_ahead(const driver& d) {
  std::vector<std::byte> ahead;
  const auto below = d.layer_ ? d.layer_->unread() : std::span<const std::byte>();
  for (const auto part : {d.tls_.read_ahead(), below}) ahead.insert(ahead.end(), part.begin(), part.end());
  return ahead;
}
const connection_info& info(const driver& d) noexcept { return d.tls_.info(); }
const failure& last_failure(const driver& d) noexcept { return d.last_failure(); }
const handshake_timings& timings(const driver& d) noexcept { return d.timings_; }
connection_statistics statistics(const driver& d) noexcept {
  auto made = d.tls_.statistics();
  const auto engine = std::exchange(made.timings, d.timings_);
  if (made.timings.handshake == std::chrono::nanoseconds(0)) {  // under way, or ended by somebody else
    made.timings.handshake = engine.handshake;
    made.timings.signing = engine.signing;
  }
  return made;
}
void set_connect_timings(driver& d, std::chrono::nanoseconds resolve, std::chrono::nanoseconds connect) {
  d.timings_.resolve = resolve;
  d.timings_.connect = connect;
}
std::vector<certificate> verified_chain(const driver& d) { return d.tls_.verified_chain(); }
std::vector<certificate> unverified_certificates(const driver& d) { return d.tls_.unverified_certificates(); }
const handshake_transcript& transcript(const driver& d) noexcept { return d.tls_.transcript(); }
std::optional<identity> selected_identity(const driver& d) { return d.tls_.selected_identity(); }
bool is_established(const driver& d) noexcept { return d.tls_.is_established(); }
error_code request_key_update(driver& d) { return d.request_key_update(); }
layer& layer_of(driver& d) noexcept { return d.layer_ ? *d.layer_ : *d.released_; }

}  // namespace detail
}  // namespace v0
}  // namespace sluice
