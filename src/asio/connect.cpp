// SPDX-License-Identifier: Apache-2.0
#include "sluice/asio/connect.hpp"

#include "asio/completion.hpp"
#include "asio/driver.hpp"
#include "asio/happy_eyeballs.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <optional>

namespace sluice::inline v0::detail {
namespace {

using clock_type = std::chrono::steady_clock;
using tcp = net::ip::tcp;
using connect_handler = erased_handler<error_code, tcp_stream>;

// As in the driver: the user's handler is parked on a timer at the deadline, the steps run beside it on a strand.
class connector : public std::enable_shared_from_this<connector> {
 public:
  connector(const net::any_io_executor& executor, connect_request request)
      : executor_(executor),
        serial_(net::make_strand(executor)),
        request_(std::move(request)),
        park_(executor),
        race_(executor, serial_) {}

  void start(connect_handler handler) {
    began_ = clock_type::now();
    // Never touched again: the slot belongs to the caller's thread.
    auto slot = net::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([self = weak_from_this()](net::cancellation_type type) {
        if ((type & net::cancellation_type::terminal) == net::cancellation_type::none) return;
        if (const auto c = self.lock()) c->cancel();
      });
    }
    net::post(serial_, [self = shared_from_this(), handler = std::move(handler)]() mutable {
      self->park(std::move(handler));
      self->look_up();
    });
  }

 private:
  struct parked {
    std::shared_ptr<connector> self;
    connect_handler handler;
    using executor_type = net::any_io_executor;
    using allocator_type = net::associated_allocator_t<connect_handler>;
    executor_type get_executor() const noexcept { return self->serial_; }
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
    void operator()(error_code) { self->finish(std::move(handler)); }
  };

  void park(connect_handler handler) {
    park_.expires_at(deadline());
    park_.async_wait(parked{shared_from_this(), std::move(handler)});
  }

  clock_type::time_point deadline() const {
    const bool is_unbounded = request_.timeout > clock_type::time_point::max() - began_;
    return is_unbounded ? clock_type::time_point::max()
                        : began_ + std::chrono::duration_cast<clock_type::duration>(request_.timeout);
  }

  void cancel() {
    net::post(serial_, [self = shared_from_this()] {
      self->is_cancelled_ = true;
      self->park_.cancel();
    });
  }

  void look_up() {
    phase_ = phase::resolve;
    race_.resolve(request_.host, request_.service, [weak = weak_from_this()](error_code ec) {
      const auto self = weak.lock();
      if (!self) return;
      self->timings_.resolve = clock_type::now() - self->began_;
      if (ec) return self->fail(ec);
      self->race();
    });
  }

  void race() {
    phase_ = phase::connect;
    race_.run([weak = weak_from_this()](error_code ec, tcp::socket socket) {
      const auto self = weak.lock();
      if (!self) return;
      self->timings_.connect = clock_type::now() - self->began_ - self->timings_.resolve;
      if (ec) return self->fail(ec);
      self->shake_hands(std::move(socket));
    });
  }

  void shake_hands(tcp::socket socket) {
    if (is_over_) return;
    phase_ = phase::handshake;
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    driver_options options;
    options.server_name = request_.server_name.empty() ? request_.host : request_.server_name;
    if (!request_.alpn.empty()) {
      auto names = parse_alpn(request_.alpn);
      if (!names) return fail(names.error());
      options.alpn = std::move(*names);
    }
    const bool is_unbounded = deadline() == clock_type::time_point::max();
    options.handshake_timeout = is_unbounded ? std::chrono::nanoseconds::max() : deadline() - clock_type::now();
    driver_ = make_driver(make_layer<tcp::socket>(std::move(socket)), request_.ctx, role::client, std::move(options));
    const auto done = [self = shared_from_this()](error_code ec) {
      self->is_established_ = !ec;
      if (ec) return self->fail(last_failure(*self->driver_));
      self->wake();
    };
    driver_->start_handshake({},
                             net::bind_cancellation_slot(cancel_handshake_.slot(), net::bind_executor(serial_, done)));
  }

  void fail(error_code ec) {
    failure why;
    why.code = ec;
    fail(std::move(why));
  }

  void fail(failure why) {
    if (is_over_) return;
    if (why.where.empty()) why.where = request_.host + ":" + request_.service;
    if (phase_ != phase::handshake) why.at = phase_;
    why_ = std::move(why);
    wake();
  }

  void wake() {
    is_over_ = true;
    park_.cancel();
  }

  // The parked handler comes back: an outcome, a cancellation or the deadline.
  void finish(connect_handler handler) {
    // A handshake under way has the same deadline, can be cancelled, and tells more: its report is waited for.
    if (!is_over_ && driver_ && !is_late_) {
      is_late_ = true;
      if (is_cancelled_) cancel_handshake_.emit(net::cancellation_type::terminal);
      park_.expires_after(std::chrono::milliseconds(500));
      return park_.async_wait(parked{shared_from_this(), std::move(handler)});
    }
    if (!is_over_) give_up();
    if (is_cancelled_ && !is_established_) why_.code = net::error::operation_aborted;
    race_.stop();
    report();
    const auto ec = is_established_ ? error_code() : why_.code;
    if (ec && request_.failure != nullptr) *request_.failure = why_;
    post_completion(executor_, std::move(handler), ec, make_stream());
  }

  void give_up() {
    failure why;
    why.code = make_error_code(errc::timed_out);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(request_.timeout).count();
    why.detail = "not done within " + std::to_string(ms) + " ms";
    fail(std::move(why));
  }

  tcp_stream make_stream() {
    if (!is_established_ && driver_ == nullptr) {
      auto below = make_layer<tcp::socket>(tcp::socket(executor_));
      return stream_access::make<tcp_stream>(make_failed_driver(std::move(below), request_.ctx, why_));
    }
    if (!is_established_) driver_->failure_ = why_;
    driver_->timings_ = timings_;
    return stream_access::make<tcp_stream>(std::move(driver_));
  }

  void report() {
    if (driver_) {
      timings_.handshake = driver_->timings_.handshake;
      timings_.signing = driver_->timings_.signing;
    }
    if (request_.report != nullptr) *request_.report = {timings_, race_.attempts()};
  }

  net::any_io_executor executor_;
  net::any_io_executor serial_;
  connect_request request_;
  net::steady_timer park_;
  happy_eyeballs race_;
  net::cancellation_signal cancel_handshake_;
  driver_pointer driver_;
  clock_type::time_point began_;
  handshake_timings timings_;
  phase phase_ = phase::resolve;
  failure why_;
  bool is_over_ = false;
  bool is_late_ = false;
  bool is_cancelled_ = false;
  bool is_established_ = false;
};

}  // namespace

connect_request make_request(const context& ctx, std::string_view host, std::string_view service,
                             const connect_options& options) {
  return {.ctx = ctx,
          .host = std::string(host),
          .service = std::string(service),
          .server_name = std::string(options.server_name),
          .alpn = std::string(options.alpn),
          .timeout = options.timeout,
          .failure = options.failure,
          .report = options.report};
}

void start_connect(const net::any_io_executor& executor, connect_request request,
                   erased_handler<error_code, tcp_stream> handler) {
  std::make_shared<connector>(executor, std::move(request))->start(std::move(handler));
}

}  // namespace sluice::inline v0::detail
