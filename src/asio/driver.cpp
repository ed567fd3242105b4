// SPDX-License-Identifier: Apache-2.0
// Reading and writing: the hot path, one wait on the layer at a time.
#include "asio/driver.hpp"

#include "asio/driver_operations.hpp"
#include "asio/signature_wait.hpp"

#include <boost/asio/strand.hpp>

#include <utility>

namespace sluice::inline v0::detail {
namespace {

constexpr auto terminal = net::cancellation_type::terminal;
constexpr auto partial = net::cancellation_type::partial;
constexpr auto total = net::cancellation_type::total;

error_code busy() { return make_error_code(errc::in_use); }

connection make_connection(const context& ctx, role side, const driver_options& options) {
  return {ctx, side,
          connection_options{
              .server_name = options.server_name, .alpn = options.alpn, .early_data = options.early_data}};
}

}  // namespace

driver::driver(std::unique_ptr<layer> below, const context& ctx, role side, driver_options options)
    : layer_(std::move(below)),
      executor_(layer_->executor()),
      serial_(net::make_strand(executor_)),
      tls_(make_connection(ctx, side, options)),
      handshake_timeout_(options.handshake_timeout),
      shutdown_timeout_(options.shutdown_timeout),
      park_(executor_) {}

driver::driver(std::unique_ptr<layer> below, failure why, const context& ctx)
    : driver(std::move(below), ctx, ctx.side(), {.server_name = "localhost"}) {
  failure_ = why;
  tls_.fail(std::move(why));
}

driver::~driver() = default;

void driver::start_read(std::span<std::byte> into, size_handler handler) {
  if (reading_.is_active) return refuse(std::move(handler), busy(), std::size_t{0});
  if (is_lingering_) {
    note_failure(tls_.last_failure().code, phase::read);  // it came with the bytes of a read, which did not tell
    return refuse(std::move(handler), failure_.code, std::size_t{0});
  }
  read_into_ = into;
  begin(reading_, handler, terminal | partial | total);
  read_step(std::move(handler), begun::now);
}

void driver::read_step(size_handler handler, begun when) {
  if (reading_.is_cancelled || is_stopped_) {
    forget_idle();
    return finish(reading_, std::move(handler), when, error_code(net::error::operation_aborted), std::size_t{0});
  }
  const auto st = tls_.read(layer_->io(), read_into_);
  if (st.next == want::read) {
    if (is_filling_) {  // a wait of a handshake's is still under way: its end wakes us
      if (!read_park_) read_park_.emplace(executor_);
      read_park_->expires_at(clock_type::time_point::max());
      return read_park_->async_wait(parked_read{{shared_from_this(), std::move(handler), executor_, {}}});
    }
    is_filling_ = true;
    begin_quiet();
    return layer_->async_fill(
        read_operation{{shared_from_this(), std::move(handler), executor_, reading_.inner.slot()}});
  }
  error_code ec = st.error;
  if (st.ended) ec = net::error::eof;
  if (ec && !st.ended) note_failure(ec, phase::read);
  if (ec) forget_idle();
  finish(reading_, std::move(handler), when, ec, st.bytes);
}

void driver::start_write(const gathered_buffers& from, size_handler handler) {
  if (writing_.is_active) return refuse(std::move(handler), busy(), std::size_t{0});
  if (is_lingering_) {
    note_failure(tls_.last_failure().code, phase::write);  // it came with the bytes of a read, which did not tell
    return refuse(std::move(handler), failure_.code, std::size_t{0});
  }
  write_from_ = from;
  sealed_ = 0;
  begin(writing_, handler, terminal | partial);
  write_step(std::move(handler), begun::now);
}

void driver::write_step(size_handler handler, begun when) {
  const auto st = tls_.write(layer_->io(), std::span(write_from_.parts).first(write_from_.count));
  sealed_ = st.bytes;
  if (st.next == want::write) return drain_for_write(std::move(handler));
  if (st.error) note_failure(st.error, phase::write);
  finish(writing_, std::move(handler), when, st.error, sealed_);
}

void driver::drain_for_write(size_handler handler) {
  is_draining_ = true;
  layer_->async_drain(tls_.unsent(),
                      write_operation{{shared_from_this(), std::move(handler), executor_, writing_.inner.slot()}});
}

void driver::write_drained(size_handler handler, std::size_t n) {
  tls_.sent(n);
  if (writing_.is_cancelled || is_stopped_) {
    return finish(writing_, std::move(handler), begun::before, error_code(net::error::operation_aborted), sealed_);
  }
  const auto st = tls_.flush(layer_->io());
  if (st.next == want::write) return drain_for_write(std::move(handler));
  // What was in the way is gone; now for the caller's own bytes.
  if (!st.error && sealed_ == 0) return write_step(std::move(handler), begun::before);
  if (st.error) note_failure(st.error, phase::write);
  finish(writing_, std::move(handler), begun::before, st.error, sealed_);
}

void driver::wake() { park_.cancel(); }

void driver::post_wake() {
  net::post(serial_, [self = shared_from_this()] { self->wake(); });
}

void driver::note_failure(const error_code& ec, phase at) {
  failure_ = tls_.last_failure();
  if (!failure_.code) failure_ = make_story(ec, std::string(to_string(at)), "", at);  // the call was refused
}

// The stream is going. What is outstanding ends with operation_aborted; a socket that lingers is left to it.
void driver::stop() noexcept {
  if (is_lingering_ && layer_ && layer_->is_owned()) return;
  {
    const std::lock_guard lock(linger_gate_);  // afterwards lingering leaves a borrowed layer alone
    is_stopped_ = true;
  }
  forget_idle();
  if (signature_) signature_->detach();
  if (layer_) layer_->close();
  reading_.inner.emit(terminal);
  writing_.inner.emit(terminal);
  if (read_park_) read_park_->cancel();
  if (!is_lingering_ && !bounded_.is_active && !is_filling_ && !is_draining_) return;
  net::post(serial_, [self = shared_from_this()] {
    self->fill_signal_.emit(terminal);
    self->bounded_.inner.emit(terminal);
    self->wake();
  });
}

// --- What the header-only half calls. ---

driver_pointer make_driver(std::unique_ptr<layer> below, const context& ctx, role side, driver_options options) {
  return std::make_shared<driver>(std::move(below), ctx, side, std::move(options));
}

driver_pointer make_failed_driver(std::unique_ptr<layer> below, const context& ctx, failure why) {
  return std::make_shared<driver>(std::move(below), std::move(why), ctx);
}

void destroy(driver_pointer d) noexcept { d->stop(); }

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

// Kept until the last of what was begun on it has ended, wherever its NextLayer has moved to.
layer& release(driver& d) noexcept {
  d.released_ = std::move(d.layer_);
  return *d.released_;
}
const connection_info& info(const driver& d) noexcept { return d.tls_.info(); }
const failure& last_failure(const driver& d) noexcept { return d.failure_; }
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
std::vector<certificate> peer_certificates(const driver& d) { return d.tls_.peer_certificates(); }
std::vector<certificate> sent_certificates(const driver& d) { return d.tls_.sent_certificates(); }
const handshake_view& seen_handshake(const driver& d) noexcept { return d.tls_.seen_handshake(); }
std::optional<identity> own_identity(const driver& d) { return d.tls_.own_identity(); }
bool is_established(const driver& d) noexcept { return d.tls_.is_established(); }
error_code request_key_update(driver& d) { return d.tls_.request_key_update(); }
layer& layer_of(driver& d) noexcept { return *d.layer_; }

}  // namespace sluice::inline v0::detail
