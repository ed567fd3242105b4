// SPDX-License-Identifier: Apache-2.0
#include "sluice/asio/acceptor.hpp"

#include "asio/completion.hpp"
#include "asio/driver.hpp"
#include "asio/silent_connections.hpp"
#include "asio/socket_setup.hpp"
#include "core/base/failure.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <list>

#include <sys/resource.h>
#include <sys/socket.h>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

using tcp = net::ip::tcp;
using accept_handler = erased_handler<error_code, tcp_stream>;
constexpr auto longest_pause = std::chrono::seconds(1);

// Trouble that passes: the client is gone already, or the system is short of something for now.
// accept(2) reports errors of the connection that it was about to return, and shortages of the system; neither says
// that the listener is broken.
bool is_passing(const error_code& ec) {
  using namespace boost::system::errc;
  for (const auto e :
       {connection_aborted, too_many_files_open, too_many_files_open_in_system, no_buffer_space, not_enough_memory,
        protocol_error, network_down, host_unreachable, network_unreachable, operation_not_permitted, timed_out}) {
    if (ec == make_error_condition(e)) return true;
  }
  return false;
}

bool is_out_of_descriptors(const error_code& ec) {
  using namespace boost::system::errc;
  return ec == make_error_condition(too_many_files_open) || ec == make_error_condition(too_many_files_open_in_system);
}

// The silent may have half of the process's descriptors at most, whatever the option says.
// The other half is for streams, files, and whatever else the program has open.
silence_limits limits_of(const acceptor_options& options) {
  rlimit descriptors{};
  const bool is_known = ::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 && descriptors.rlim_cur != RLIM_INFINITY;
  const auto half = is_known ? static_cast<std::size_t>(descriptors.rlim_cur / 2) : options.max_silent;
  const bool is_given = options.silent_timeout > std::chrono::nanoseconds(0);
  return {.timeout = is_given ? options.silent_timeout : options.handshake_timeout,
          .most = std::max<std::size_t>(1, std::min(options.max_silent, half)),
          .max_per_address = options.max_silent_per_address};
}

}  // namespace

// Runs on a strand of its own; each connection has another, and its driver is touched there alone. A connection is
// silent until its first record has come, and only then a handshake. A waiting handler sits in a timer that never
// expires; a finished stream, or the end, cancels it.
// The way of a connection: `silent_` until its first record is here; `speaking_` while there is no room for its
// handshake; `handshakes_`, one of in_flight_; `ready_`; then a stream of a waiting accept. It is in one of them at a
// time, and a failure takes it out of any. in_flight_ + ready_ never exceeds max_handshakes, which is what has_room()
// sees to; and because nothing is accepted without room, `speaking_` has at most as many as were silent.
//
// `ended_with_` is set once, by end(), and nothing is accepted, started or handed out afterwards. is_closed_ comes
// first: it is set on whatever thread calls close(), and read on the strand, which then calls end(). The counts are
// atomic because they are read from anywhere; they are written on the strand only.
class acceptor_core : public std::enable_shared_from_this<acceptor_core> {
 public:
  acceptor_core(const net::any_io_executor& executor, const tcp::endpoint& at, const context& ctx,
                acceptor_options options)
      : home_(executor),
        serial_(options.per_core ? serial_executor::promised(executor) : serial_executor::strand_over(executor)),
        ctx_(ctx),
        options_(std::move(options)),
        listener_(executor),
        pause_(executor),
        silent_(std::make_shared<silent_connections>(serial_.any(), limits_of(options_))) {
    // The options come before listen(): from then on, the system completes connections that inherit them.
    listener_.open(at.protocol());
    listener_.set_option(tcp::acceptor::reuse_address(true));
    if (options_.reuse_port) {
      listener_.set_option(net::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>(true));
    }
    bind_to_interface(listener_.native_handle(), options_.interface).value();
    listener_.bind(at);
    // Accepted sockets inherit them.
    set_tcp_options(listener_.native_handle(), options_.tcp).value();
    listener_.listen(options_.backlog);
    local_endpoint_ = listener_.local_endpoint();
  }

  void start_accept(accept_handler handler) {
    // The handler goes to the strand with its waiter; a cancellation that comes before it gets there marks the waiter,
    // and wait() completes it at once.
    auto w = std::make_shared<waiter>(executor());
    // Here, and never touched again: the slot belongs to the caller's thread.
    auto slot = net::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([self = weak_from_this(), weak = std::weak_ptr(w)](net::cancellation_type) {
        if (const auto core = self.lock()) net::post(core->serial_.any(), [weak] { cancel(weak.lock()); });
      });
    }
    if (options_.per_core) return wait(w, std::move(handler));
    net::post(serial_.any(), [self = shared_from_this(), w = std::move(w), handler = std::move(handler)]() mutable {
      self->wait(w, std::move(handler));
    });
  }

  void close() noexcept {
    is_closed_ = true;
    try {
      net::post(serial_.any(), [self = shared_from_this()] { self->end(net::error::operation_aborted); });
    } catch (...) {
      // No memory to post with: whatever runs on the strand next ends it.
    }
  }

  const tcp::endpoint& local_endpoint() const { return local_endpoint_; }
  acceptor_counts counts() const { return {in_flight_.load(), ready_count_.load(), silent_count_.load()}; }
  const net::any_io_executor& executor() const { return home_.any(); }

 private:
  // One async_accept. At most one of `stream`, `ec` and is_cancelled is acted upon: hand_out() passes over those that
  // have one already, so that a stream is never given to an operation that will report a cancellation.
  struct waiter {
    explicit waiter(const net::any_io_executor& ex) : timer(ex, net::steady_timer::time_point::max()) {}
    net::steady_timer timer;
    bool is_cancelled = false;
    std::shared_ptr<driver> stream;
    error_code ec;
  };
  using waiter_pointer = std::shared_ptr<waiter>;

  struct parked : carried<acceptor_core, accept_handler> {
    waiter_pointer w;
    void operator()(error_code) { self->complete(w, std::move(handler)); }
  };

  static void cancel(const waiter_pointer& w) {
    if (!w) return;
    w->is_cancelled = true;
    w->timer.cancel();
  }

  void wait(const waiter_pointer& w, accept_handler handler) {
    if (w->is_cancelled) return complete(w, std::move(handler));
    waiters_.push_back(w);
    w->timer.async_wait(parked{{shared_from_this(), std::move(handler), &serial_.any(), {}}, w});
    if (ended_with_) return end(ended_with_);
    hand_out();
    accept_next();
  }

  // A stream that was assigned wins over a cancellation that comes later: it would be lost otherwise. Without one there
  // has to be a stream all the same, since the completion has one; it has failed already.
  void complete(const waiter_pointer& w, accept_handler handler) {
    std::erase(waiters_, w);
    if (w->stream) {
      auto made = stream_access::make<tcp_stream>(std::move(w->stream));
      if (options_.per_core) return dispatch_completion(home_, std::move(handler), error_code(), std::move(made));
      return post_completion(home_, std::move(handler), error_code(), std::move(made));
    }
    const auto ec = w->ec ? w->ec : error_code(net::error::operation_aborted);
    auto none =
        make_failed_driver(make_layer<tcp::socket>(tcp::socket(executor())), ctx_, make_failure(ec, "acceptor"));
    post_completion(home_, std::move(handler), ec, stream_access::make<tcp_stream>(std::move(none)));
  }

  // Gives finished streams to the waiting accepts, in order.
  void hand_out() {
    for (const auto& w : waiters_) {
      if (ready_.empty()) return;
      if (w->stream || w->is_cancelled || w->ec) continue;
      w->stream = std::move(ready_.front());
      ready_.pop_front();
      ready_count_ = ready_.size();
      w->timer.cancel();
    }
  }

  bool has_room() const { return in_flight_ + ready_.size() < std::max<std::size_t>(1, options_.max_handshakes); }

  // Called after everything that may have made room or ended something; it is without effect where there is nothing to
  // do. At most one accept is under way, the pause after an error included (`is_accepting_`).
  void accept_next() {
    // close() may have found no memory to post with; whatever runs here next makes good for it.
    if (is_closed_ && !ended_with_) return end(net::error::operation_aborted);
    if (ended_with_) return;
    while (has_room() && !speaking_.empty()) {
      auto one = std::move(speaking_.front());
      speaking_.pop_front();
      shake_hands(std::move(one));
    }
    if (is_accepting_ || !has_room()) return;
    is_accepting_ = true;
    // The strand is made before the socket, so that the socket belongs to it, and its stream runs there (but with
    // `per_core`).
    auto home = options_.per_core ? serial_ : serial_executor::strand_over(executor());
    const auto where = home.any();
    auto done = [self = shared_from_this(), home = std::move(home)](error_code ec, tcp::socket socket) {
      self->is_accepting_ = false;
      self->accepted(ec, std::move(socket), home);
    };
    listener_.async_accept(where, peer_, net::bind_executor(serial_.any(), std::move(done)));
  }

  void accepted(error_code ec, tcp::socket socket, const serial_executor& home) {
    if (is_closed_) return accept_next();
    if (!ec) {
      // An accept that succeeds ends the shortage: the next pause is a short one again.
      pause_length_ = std::chrono::milliseconds(5);
      listen_to(std::move(socket), home);
      return accept_next();
    }
    // A silent client gives up its descriptor to the next one at once. Where no client is silent, the pause lets
    // handshakes and streams end.
    if (is_out_of_descriptors(ec) && silent_->drop_oldest()) return accept_next();
    if (!is_passing(ec)) return end(ec);
    pause_length_ = std::min<std::chrono::milliseconds>(pause_length_ * 2, longest_pause);
    pause_.expires_after(pause_length_);
    is_accepting_ = true;
    pause_.async_wait(net::bind_executor(serial_.any(), [self = shared_from_this()](error_code) {
      self->is_accepting_ = false;
      self->accept_next();
    }));
    report(ec, {});
  }

  void listen_to(tcp::socket socket, const serial_executor& home) {
    if (!hears_) {
      hears_ = true;
      silent_->on(
          [weak = weak_from_this()](accepted_connection one) {
            if (const auto self = weak.lock()) self->note_first_record(std::move(one));
          },
          [weak = weak_from_this()](const failure& error, const tcp::endpoint& peer) {
            const auto self = weak.lock();
            if (!self) return;
            self->count_silent();
            self->accept_next();
            if (!self->is_closed_ && !self->ended_with_) self->report(error, peer);
          });
    }
    // The oldest, not the newest: it has had the most time to send its first record.
    if (silent_->is_full()) silent_->drop_oldest();
    silent_->add({.socket = std::move(socket), .home = home, .peer = peer_});
    count_silent();
  }

  void note_first_record(accepted_connection one) {
    count_silent();
    if (!is_closed_ && !ended_with_) speaking_.push_back(std::move(one));
    accept_next();
  }

  void count_silent() { silent_count_ = silent_->size(); }

  void shake_hands(accepted_connection one) {
    stream_options options;
    options.handshake_timeout = options_.handshake_timeout;
    auto d = make_driver_on(one.home, make_layer<tcp::socket>(std::move(one.socket)), ctx_, role::server,
                            std::move(options));
    const auto place = handshakes_.insert(handshakes_.end(), d);
    ++in_flight_;
    const auto done = [self = shared_from_this(), place, peer = one.peer](error_code ec, std::size_t) {
      self->shaken(place, peer, ec);
    };
    d->start_handshake(std::move(one.first), net::bind_executor(serial_.any(), done));
  }

  void shaken(std::list<std::shared_ptr<driver>>::iterator place, const tcp::endpoint& peer, error_code ec) {
    auto d = std::move(*place);
    handshakes_.erase(place);
    --in_flight_;
    if (!ec && !is_closed_ && !ended_with_) {
      ready_.push_back(std::move(d));
      ready_count_ = ready_.size();
      hand_out();
      return accept_next();
    }
    // After close() the failure is our own doing, and nobody asked for a report.
    const bool is_worth_saying = !is_closed_ && !ended_with_;
    // Copied first: abandon() passes the driver on, to send its alert in the background.
    const auto error = d->last_failure();
    abandon(std::move(d));
    accept_next();
    if (is_worth_saying) report(error, peer);
  }

  // Everything is let go in the order in which it could start something new: the listener, the pause, the silent, the
  // handshakes, the streams that are ready, and last the operations that wait. Called again, it ends what came since.
  void end(error_code error) {
    if (ended_with_) error = ended_with_;
    ended_with_ = error;
    error_code ignored;
    listener_.close(ignored);
    pause_.cancel();
    silent_->clear();
    speaking_.clear();
    count_silent();
    for (const auto& d : handshakes_) {
      if (d) abandon(d);
    }
    for (auto& d : ready_) abandon(std::move(d));
    ready_.clear();
    for (const auto& w : waiters_) {
      if (!w->stream) w->ec = error;
      w->timer.cancel();
    }
  }

  // Last in whatever calls it: what it throws leaves io_context::run(), and the acceptor goes on.
  void report(const failure& error, const tcp::endpoint& peer) const {
    if (options_.on_failure) options_.on_failure(error, peer);
  }
  void report(const error_code& ec, const tcp::endpoint& peer) const {
    report(internal::in_phase(phase::connect, internal::with_usual_remedy(
                                                  make_failure(ec, "acceptor", "accepting pauses and goes on"))),
           peer);
  }

  const home_executor home_;
  const serial_executor serial_;  // everything here; with `per_core`, the same
  const context ctx_;
  const acceptor_options options_;
  tcp::acceptor listener_;
  tcp::endpoint local_endpoint_;
  tcp::endpoint peer_;  // of the accept that is under way, or has just ended
  net::steady_timer pause_;
  std::chrono::milliseconds pause_length_{5};
  const std::shared_ptr<silent_connections> silent_;
  bool hears_ = false;                        // silent_ knows us
  std::deque<accepted_connection> speaking_;  // no longer silent, for whom there is no room yet
  std::list<std::shared_ptr<driver>> handshakes_;
  std::deque<std::shared_ptr<driver>> ready_;
  std::deque<waiter_pointer> waiters_;
  std::atomic<std::size_t> in_flight_ = 0;
  std::atomic<std::size_t> ready_count_ = 0;
  std::atomic<std::size_t> silent_count_ = 0;
  std::atomic<bool> is_closed_ = false;
  bool is_accepting_ = false;
  error_code ended_with_;
};

std::shared_ptr<acceptor_core> make_acceptor(const net::any_io_executor& executor, const tcp::endpoint& at,
                                             const context& ctx, acceptor_options options) {
  return std::make_shared<acceptor_core>(executor, at, ctx, std::move(options));
}

void start_accept(acceptor_core& core, accept_handler handler) { core.start_accept(std::move(handler)); }
void close(acceptor_core& core) noexcept { core.close(); }
tcp::endpoint local_endpoint(const acceptor_core& core) { return core.local_endpoint(); }
acceptor_counts counts(const acceptor_core& core) { return core.counts(); }
net::any_io_executor executor_of(const acceptor_core& core) { return core.executor(); }

}  // namespace detail
}  // namespace v0
}  // namespace sluice
