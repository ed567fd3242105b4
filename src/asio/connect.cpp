// SPDX-License-Identifier: Apache-2.0
#include "sluice/asio/connect.hpp"

#include "asio/completion.hpp"
#include "asio/driver.hpp"
#include "asio/happy_eyeballs.hpp"
#include "asio/name_to_look_up.hpp"
#include "asio/prelude.hpp"
#include "core/base/failure.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

using clock_type = std::chrono::steady_clock;
using tcp = net::ip::tcp;
using connect_handler = erased_handler<error_code, tcp_stream>;

// As in the driver: the user's handler is parked on a timer at the deadline, the steps run beside it on a strand.
// fail() ends a try from any step. Once `is_over_` is set, whatever step still comes in does nothing. Only finish()
// completes, when `park_` ends; it waits for a handshake or a prelude under way.
class connector : public std::enable_shared_from_this<connector> {
 public:
  connector(const net::any_io_executor& executor, connect_request request)
      : home_(executor),
        serial_(request.serial ? serial_executor::promised(executor) : serial_executor::of(executor)),
        request_(std::move(request)),
        park_(executor),
        turn_(executor),
        backoff_(request_.retry) {}

  void start(connect_handler handler) {
    began_ = clock_type::now();
    // Never touched again: the slot belongs to the caller's thread.
    auto slot = net::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([weak = weak_from_this()](net::cancellation_type type) {
        const auto self = weak.lock();
        if (!self || (type & net::cancellation_type::terminal) == net::cancellation_type::none) return;
        net::post(self->serial_.any(), [self] { self->cancel(); });
      });
    }
    if (home_.any() == serial_.any()) return begin(std::move(handler));
    net::post(serial_.any(),
              [self = shared_from_this(), handler = std::move(handler)]() mutable { self->begin(std::move(handler)); });
  }

 private:
  struct parked : carried<connector, connect_handler> {
    void operator()(error_code) { self->finish(std::move(handler)); }
  };

  void begin(connect_handler handler) {
    park(std::move(handler));
    begin_try();
  }

  void park(connect_handler handler) {
    park_.expires_at(deadline());
    park_.async_wait(parked{{shared_from_this(), std::move(handler), &serial_.any(), {}}});
  }

  clock_type::time_point deadline() const { return deadline_after(request_.timeout, began_); }
  clock_type::time_point try_deadline() const {
    return std::min(deadline(), deadline_after(request_.retry.per_try, try_began_));
  }

  void cancel() {
    is_cancelled_ = true;
    park_.cancel();
  }

  // What turn_ is for changes: a wait that ended just before finds out that its turn is over.
  void at(clock_type::time_point when, void (connector::*next)()) {
    turn_.expires_at(when);
    turn_.async_wait(
        net::bind_executor(serial_.any(), [weak = weak_from_this(), turn = ++turn_number_, next](error_code) {
          const auto self = weak.lock();
          if (self && self->turn_number_ == turn && !self->is_over_) ((*self).*next)();
        }));
  }
  // The number, because cancelling a timer does not take back a completion that is queued already.
  void end_turn() {
    ++turn_number_;
    turn_.cancel();
  }

  void begin_try() {
    end_turn();
    keep_attempts();
    ++tries_;
    timings_ = {};
    has_shaken_hands_ = false;
    prelude_ = {};
    is_try_late_ = false;
    phase_ = phase::resolve;
    try_began_ = clock_type::now();
    socket_setup setup{.options = request_.tcp, .interface = request_.interface, .local = {}};
    if (!request_.local_address.empty()) {
      error_code ec;
      setup.local = net::ip::make_address(request_.local_address, ec);
      if (ec) return fail(wrong_local_address());
    }
    race_.emplace(home_.any(), serial_.any(), std::move(setup));
    if (try_deadline() < deadline()) at(try_deadline(), &connector::give_up_try);
    look_up();
  }

  failure wrong_local_address() const {
    return make_failure(errc::invalid_argument, "local_address",
                        "\"" + request_.local_address + "\" is not an IP address");
  }

  void look_up() {
    const auto name = name_to_look_up(request_.host, request_.server_name);
    if (!name) return fail(name.error());
    race_->resolve(*name, request_.service, [weak = weak_from_this()](error_code ec) {
      const auto self = weak.lock();
      if (!self) return;
      self->timings_.resolve = clock_type::now() - self->try_began_;
      if (ec) return self->fail(ec);
      self->race();
    });
  }

  void race() {
    phase_ = phase::connect;
    race_->run([weak = weak_from_this()](failure error, tcp::socket socket) {
      const auto self = weak.lock();
      if (!self) return;
      self->timings_.connect = clock_type::now() - self->try_began_ - self->timings_.resolve;
      if (error.code) return self->fail(std::move(error));
      if (self->request_.prelude == nullptr) return self->shake_hands(std::move(socket));
      self->speak(std::move(socket));
    });
  }

  // What is said before TLS. It ends when its socket is closed, so that it may be waited for.
  void speak(tcp::socket socket) {
    if (is_over_) return;
    phase_ = phase::handshake;  // TCP is up
    speaking_.emplace(std::move(socket));
    const auto began = clock_type::now();
    run_prelude(serial_.any(), *request_.prelude, *speaking_, [self = shared_from_this(), began](failure error) {
      self->prelude_ = clock_type::now() - began;
      auto spoken = std::move(*self->speaking_);
      self->speaking_.reset();
      if (self->is_late_) return self->give_up();
      if (self->is_try_late_) return self->give_up_try();
      if (error.code && error.at == phase::setup) error.at = phase::handshake;
      if (error.code) return self->fail(std::move(error));
      self->shake_hands(std::move(spoken));
    });
  }

  void end_speaking() {
    error_code ignored;
    speaking_->close(ignored);
  }

  void shake_hands(tcp::socket socket) {
    if (is_over_) return;
    end_turn();  // the handshake has a time limit of its own
    phase_ = phase::handshake;
    stream_options options;
    error_code unknown;
    options.port = request_.session_port != 0 ? request_.session_port : socket.remote_endpoint(unknown).port();
    options.server_name = request_.server_name.empty() ? request_.host : request_.server_name;
    options.alpn = request_.alpn;
    const bool is_unbounded = try_deadline() == clock_type::time_point::max();
    options.handshake_timeout = is_unbounded ? std::chrono::nanoseconds::max() : try_deadline() - clock_type::now();
    if (tries_ == 1) options.early_data = std::move(request_.early_data);
    driver_ = make_driver_on(serial_, make_layer<tcp::socket>(std::move(socket)), request_.ctx, role::client,
                             std::move(options));
    const auto done = [self = shared_from_this()](error_code ec, std::size_t) {
      self->is_established_ = !ec;
      self->has_shaken_hands_ = true;
      if (ec) return self->fail(self->driver_->last_failure());
      self->wake();
    };
    driver_->start_handshake(
        {}, net::bind_cancellation_slot(cancel_handshake_.slot(), net::bind_executor(serial_.any(), done)));
  }

  // With brackets, so that it shows where an IPv6 address ends.
  std::string place() const {
    const bool is_ipv6 = request_.host.find(':') != std::string::npos && !request_.host.starts_with('[');
    return (is_ipv6 ? "[" + request_.host + "]" : request_.host) + ":" + request_.service;
  }

  void fail(error_code ec) { fail(make_failure(ec)); }

  void fail(failure error) {
    if (is_over_) return;
    if (error.where.empty()) error.where = place();
    if (error.code == errc::too_many_descriptors && error.remedy.empty()) {
      error.remedy = "raise the limit (ulimit -n), or close what is not needed";
    }
    if (phase_ != phase::handshake) error.at = phase_;
    error_ = internal::with_usual_remedy(std::move(error));
    if (!waits_for_next_try()) wake();
  }

  // A peer that hangs up before its first record has not even looked at what we want.
  bool may_pass() const {
    if (!is_retryable(error_.code)) return false;
    return error_.code != errc::connection_closed || !driver_ || driver_->tls_.statistics().received.records == 0;
  }

  bool waits_for_next_try() {
    if (is_cancelled_ || is_late_ || !may_pass()) return false;
    const auto wait = backoff_.next();
    const auto now = clock_type::now();
    if (!wait || deadline_after(*wait, now) >= deadline()) return false;
    if (auto* bucket = request_.retry.bucket) {
      const auto paid = bucket->withdraw(error_.code);
      if (paid == 0) return false;
      paid_ = paid;
    }
    if (driver_) std::exchange(driver_, nullptr)->stop();
    waited_ += *wait;
    at(deadline_after(*wait, now), &connector::begin_try);
    return true;
  }

  void keep_attempts() {
    if (!race_) return;
    for (auto attempt : race_->attempts()) {
      attempt.began += try_began_ - began_;
      attempts_.push_back(attempt);
    }
  }

  // In the handshake the driver sees to it.
  void give_up_try() {
    is_try_late_ = true;
    if (speaking_) return end_speaking();
    race_->stop();
    fail(make_failure(errc::timed_out, "", "this try took longer than " + in_milliseconds(request_.retry.per_try)));
  }

  void wake() {
    is_over_ = true;
    park_.cancel();
  }

  // The parked handler comes back: an outcome, a cancellation or the deadline.
  void finish(connect_handler handler) {
    // A handshake under way has the same deadline, can be cancelled, and reports more: its failure is waited for.
    if (!is_over_ && driver_ && !is_late_) {
      is_late_ = true;
      if (is_cancelled_) cancel_handshake_.emit(net::cancellation_type::terminal);
      park_.expires_after(std::chrono::milliseconds(500));
      return park_.async_wait(parked{{shared_from_this(), std::move(handler), &serial_.any(), {}}});
    }
    if (!is_over_ && speaking_) {
      is_late_ = true;
      end_speaking();
      park_.expires_at(clock_type::time_point::max());
      return park_.async_wait(parked{{shared_from_this(), std::move(handler), &serial_.any(), {}}});
    }
    if (!is_over_) give_up();
    if (is_cancelled_ && !is_established_) error_.code = net::error::operation_aborted;
    if (race_) race_->stop();
    end_turn();
    report();
    race_.reset();  // here, and not wherever the last reference is dropped
    const auto ec = is_established_ ? error_code() : error_.code;
    if (!ec && request_.retry.bucket != nullptr) request_.retry.bucket->deposit(paid_);
    if (ec && tries_ > 1) error_.detail += (error_.detail.empty() ? "" : ", ") + ("in try " + std::to_string(tries_));
    if (ec && request_.failure != nullptr) *request_.failure = error_;
    post_completion(home_, std::move(handler), ec, make_stream());
  }

  static std::string in_milliseconds(std::chrono::nanoseconds time) {
    using std::chrono::milliseconds;
    return std::to_string(std::max(std::chrono::duration_cast<milliseconds>(time), milliseconds(0)).count()) + " ms";
  }

  void give_up() {
    is_late_ = true;
    fail(make_failure(errc::timed_out, "",
                      is_cancelled_ ? "cancelled" : "not done within " + in_milliseconds(request_.timeout)));
  }

  tcp_stream make_stream() {
    if (!is_established_ && driver_ == nullptr) {
      auto below = make_layer<tcp::socket>(tcp::socket(home_.any()));
      return stream_access::make<tcp_stream>(make_failed_driver(std::move(below), request_.ctx, error_));
    }
    if (!is_established_) driver_->failure_ = error_;
    driver_->timings_ = timings_;
    return stream_access::make<tcp_stream>(std::move(driver_));
  }

  void report() {
    if (driver_) {
      timings_.handshake = driver_->timings_.handshake;
      timings_.signing = driver_->timings_.signing;
    }
    keep_attempts();
    if (request_.report == nullptr) return;
    auto& reported = *request_.report;
    reported = {};
    reported.timings = timings_;
    reported.attempts = std::move(attempts_);
    reported.tries = tries_;
    reported.waited = waited_;
    reported.prelude = prelude_;
    if (!driver_ || !has_shaken_hands_) return;  // under way still
    if (!is_established_) reported.unverified_certificates = driver_->tls_.unverified_certificates();
    reported.handshake = driver_->tls_.transcript();
  }

  const home_executor home_;
  const serial_executor serial_;  // handed down: the handshake's driver runs its steps here as well
  connect_request request_;
  net::steady_timer park_;
  net::steady_timer turn_;  // ends a try before its handshake, or the wait for the next
  unsigned turn_number_ = 0;
  backoff backoff_;
  unsigned tries_ = 0;
  unsigned paid_ = 1;  // for the last retry
  std::chrono::nanoseconds waited_{};
  std::vector<connect_attempt> attempts_;
  std::optional<happy_eyeballs> race_;
  std::optional<tcp::socket> speaking_;  // while the prelude has it
  std::chrono::nanoseconds prelude_{};
  net::cancellation_signal cancel_handshake_;
  std::shared_ptr<driver> driver_;
  clock_type::time_point began_, try_began_;
  handshake_timings timings_;
  phase phase_ = phase::resolve;
  failure error_;
  bool is_over_ = false;
  bool is_late_ = false;
  bool is_try_late_ = false;
  bool is_cancelled_ = false;
  bool is_established_ = false;
  bool has_shaken_hands_ = false;  // well or badly
};

}  // namespace

connect_request make_request(const context& ctx, std::string_view host, std::string_view service,
                             const connect_options& options) {
  return {.ctx = ctx,
          .host = std::string(host),
          .service = std::string(service),
          .server_name = std::string(options.server_name),
          .alpn = alpn_list(options.alpn.begin(), options.alpn.end()),
          .timeout = options.timeout,
          .failure = options.failure,
          .report = options.report,
          .retry = options.retry,
          .tcp = options.tcp,
          .interface = std::string(options.interface),
          .local_address = std::string(options.local_address),
          .early_data = copy_bytes(net::buffer(options.early_data)),
          .prelude = options.prelude,
          .session_port = options.session_port,
          .serial = options.serial};
}

void start_connect(const net::any_io_executor& executor, connect_request request,
                   erased_handler<error_code, tcp_stream> handler) {
  std::make_shared<connector>(executor, std::move(request))->start(std::move(handler));
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
