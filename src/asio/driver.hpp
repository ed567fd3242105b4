// SPDX-License-Identifier: Apache-2.0
// The driver of a stream: it waits for the layer, for private keys and for deadlines on behalf of a connection.
//
// Four rules hold for all of it:
// - A user's handler is always inside an Asio operation (a wait on the layer, or on a timer), never in this object. An
//   io_context that is destroyed destroys it, and there is no cycle of references.
// - Every other event (a signature, a deadline, a cancellation) only ends the wait of that operation, which then asks
//   the connection for the next step.
// - Where several events are possible at once (handshake, shutdown, lingering), the steps run on a serial executor: the
//   stream's own if it is one, else that of the acceptor or of async_connect, else a strand of the driver's. Reads and
//   writes run on the stream's own.
// - Everything that uses the driver takes its turn (turn.hpp). A stream may therefore be destroyed in any state, and a
//   layer that it borrowed is not used afterwards.
#pragma once

#include "asio/completion.hpp"
#include "asio/deadlines.hpp"
#include "asio/serial_executor.hpp"
#include "asio/turn.hpp"
#include "core/base/failure.hpp"
#include "sluice/asio/detail/driver.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

namespace sluice {
inline namespace v0 {
namespace detail {

class signature_wait;
class idle_service;

using internal::in_phase;
// `limit` after `from`; time_point::max(), which is never, where the clock has no such time.
std::chrono::steady_clock::time_point deadline_after(
    std::chrono::nanoseconds limit,
    std::chrono::steady_clock::time_point from = std::chrono::steady_clock::now()) noexcept;

class driver final : public stream_driver, public std::enable_shared_from_this<driver> {
 public:
  driver(std::unique_ptr<layer> below, const context& ctx, role side, stream_options options, serial_executor serial);
  driver(std::unique_ptr<layer> below, failure error, const context& ctx, serial_executor serial);
  ~driver() override;

  // driver.cpp: reports, reading and writing, and the end
  const connection& tls() const noexcept override { return tls_; }
  const failure& last_failure() const noexcept override;
  const handshake_timings& timings() const noexcept override { return timings_; }
  connection_statistics statistics() const noexcept override;
  std::vector<std::byte> read_ahead() const override;
  error_code request_key_update() override;
  void set_timeouts(std::chrono::nanoseconds handshake, std::chrono::nanoseconds shutdown) noexcept override;
  layer& below() noexcept override { return layer_ ? *layer_ : *released_; }
  layer& release() noexcept override;
  void stop() noexcept override;

  void start_read(std::span<std::byte> into, operation_handler handler) override;
  void start_write(const gathered_buffers& from, operation_handler handler) override;

  // driver_bounded.cpp: handshake and shutdown, which have a deadline
  void start_handshake(std::vector<std::byte> already_read, operation_handler handler) override;
  void start_shutdown(bool waits_for_peer, operation_handler handler) override;

  // driver_sync.cpp: the same, blocking
  void handshake(error_code& ec) override;
  std::size_t read_some(std::span<std::byte> into, error_code& ec) override;
  std::size_t write_some(const gathered_buffers& from, error_code& ec) override;
  void shutdown(bool waits_for_peer, error_code& ec) override;

  // driver_waits.cpp
  void wait_ended(layer_wait ended, const error_code& ec, std::size_t n) override;

  // driver_linger.cpp
  void resume_linger();  // on serial_
  void end_linger();
  void close_on_linger_thread() noexcept;

  // idle.cpp
  void release_if_quiet() noexcept;
  void leave_population() noexcept;
  std::atomic<bool> has_read_ = false;  // since the last look
  std::atomic<bool> is_watched_ = false;

  std::unique_ptr<layer> layer_, released_;
  const net::any_io_executor& executor() const noexcept { return home_.any(); }
  const net::any_io_executor& serial() const noexcept { return serial_.any(); }

  home_executor home_;            // the stream's: reading and writing
  const serial_executor serial_;  // everything with a deadline
  const bool is_serial_;          // the two are equal: the steps need no other executor than the stream's
  connection tls_;
  failure failure_;
  handshake_timings timings_;
  std::chrono::nanoseconds handshake_timeout_;
  std::chrono::nanoseconds shutdown_timeout_;

  void wake();  // from elsewhere, on serial()
  static void post_wake(std::shared_ptr<driver> one);

 private:
  using clock_type = std::chrono::steady_clock;
  enum class begun { now, before };  // `now`: the step runs inside the initiating function
  enum class verb { none, handshake, shutdown, shutdown_write };

  // A kind of operation, of which one may be outstanding. Operations are numbered, because a cancellation arrives from
  // any thread and may come too late: `number` and `cancelled` are all that other threads use.
  struct activity {
    bool is_active = false;                    // from begin() to finish()
    bool is_waiting = false;                   // a wait on the layer has the slot of `inner`
    std::atomic<std::uint64_t> number = 0;     // of the last operation that began
    std::atomic<std::uint64_t> cancelled = 0;  // of the last one that was cancelled
    net::cancellation_signal inner;
    bool is_cancelled() const noexcept { return cancelled == number; }
    void cancel() noexcept { cancelled = number.load(); }
  };
  struct posted_read;
  struct posted_write;
  struct posted_bounded;

  void note_wait_end(bool is_output, std::size_t n);
  void own_wait_ended(bool is_output, bool is_aborted, std::size_t n);
  layer_wait wait_for(wait_kind kind, net::cancellation_signal& signal, operation_handler handler);

  void begin(activity& a, operation_handler& handler, net::cancellation_type accepted);
  void finish(turn& mine, activity& a, operation_handler handler, begun when, error_code ec, std::size_t n = 0);
  void reject(operation_handler handler, error_code ec);
  error_code error_of_call(const turn& mine, const activity& a, phase at);
  // The handshake was done. After one that failed, a stream returns no plaintext.
  bool was_established() const noexcept { return !tls_.info().version.empty(); }
  void post_cancel(activity& a, std::uint64_t number, net::cancellation_type type);
  void end_waits() noexcept;
  void end_own_waits() noexcept;

  void read_step(turn& mine, operation_handler handler, begun when);
  void write_step(turn& mine, operation_handler handler, const gathered_buffers& from, begun when);
  void drain_for_write(operation_handler handler);
  void flush_again(operation_handler handler);
  void write_drained(turn& mine, operation_handler handler, std::size_t n);

  void start_bounded(turn& mine, verb what, std::chrono::nanoseconds limit, operation_handler handler);
  void bounded_step(turn& mine, operation_handler handler, begun when);
  void wait(want next, operation_handler handler);
  void wait_inside(want next, operation_handler handler);
  void park_until(clock_type::time_point when, operation_handler handler);
  net::steady_timer& parking();
  void wake_bounded() noexcept;
  void end_deadline() noexcept;
  void check_serial() const;
  step call_verb();
  void arm(want next);
  void arm_fill(want next);
  void arm_drain();
  void await_signature();
  void expire();
  void finish_bounded(turn& mine, operation_handler handler, begun when, error_code ec);
  bool must_settle();
  phase phase_now() const noexcept;
  void note_failure(const error_code& ec, phase at);

  void begin_quiet();
  void end_quiet() noexcept;
  void release_if_quiet_now() noexcept;
  void forget_idle() noexcept;

  bool begin_linger() noexcept;
  void linger_if_due();
  void take_linger_place();
  void continue_linger();
  void discard_more_input();
  bool discard_some_input() noexcept;
  void discard_input();
  void close_lingering();
  void linger_wait(clock_type::time_point until, void (driver::*next)());
  void sleep_through(std::chrono::nanoseconds delay);

  void linger_after_sync();
  void note_sync_end(const error_code& ec);
  step wait_sync(step st, clock_type::time_point deadline);
  template <class Call>
  step run_sync(clock_type::time_point deadline, Call call);
  template <class Call>
  std::size_t call_sync(const activity& a, phase at, error_code& ec, Call call);

  // All of the state belongs to the thread that has the turn, unless it is atomic.
  turn_gate gate_;
  // At most one operation of each kind is active.
  activity reading_, writing_, bounded_;
  std::span<std::byte> read_into_;  // while reading_ is active
  gathered_buffers pending_write_;  // while writing_ is active and nothing of it is encrypted
  std::size_t encrypted_ = 0;       // plaintext bytes of the active write, or of the last one

  // A wait of the layer's is under way, in this direction. It may outlast the operation that began it, and only its own
  // completion resets the flag: the next operation must not begin another.
  bool is_filling_ = false;
  bool is_draining_ = false;
  // Those that hold no user's handler (arm_fill, arm_drain) have signals of their own.
  bool is_own_fill_ = false;
  bool is_own_drain_ = false;
  net::cancellation_signal fill_signal_, drain_signal_;

  // Of the bounded operation: a handshake or a shutdown.
  verb verb_ = verb::none;  // not `none` exactly while one is active, or a blocking one runs
  clock_type::time_point bounded_began_{}, deadline_{};
  deadline_service* deadlines_ = nullptr;
  deadline_service::place deadline_place_;
  bool has_deadline_ = false;                  // it was given to deadlines_ and not taken back
  bool is_woken_ = false;                      // wake_bounded() ended the wait that the handler is in
  std::shared_ptr<signature_wait> signature_;  // once a signature was awaited
  std::unique_ptr<net::steady_timer> park_;    // holds its handler where the layer cannot; later, lingering waits by it
  std::unique_ptr<net::steady_timer> read_park_;  // holds a read's, until a handshake's fill has ended
  bool is_finishing_ = false;                     // outcome_ is settled; its waits have until settled_by_
  error_code outcome_;
  clock_type::time_point settled_by_{};

  // Both are never reset. A driver lingers after a failure, until it stops; it stops without lingering when the stream
  // is destroyed or gives its layer away. Once it has stopped, a borrowed layer is not used.
  bool is_lingering_ = false;
  bool is_stopped_ = false;
  bool has_linger_place_ = false;
  clock_type::time_point linger_until_{};  // of the state of lingering after the blinding delay

  std::atomic<bool> was_overlapping_ = false;  // last_failure() is that of a call from a second thread
  idle_service* idle_ = nullptr;
  std::shared_ptr<std::atomic<std::size_t>> population_;  // of the idle_service, while this counts in it
  bool is_quiet_ = false;                                 // a read waits for input
  bool has_returned_data_ = false;
};

// As make_driver(), on a strand that is the caller's as well.
std::shared_ptr<driver> make_driver_on(const serial_executor& serial, std::unique_ptr<layer> below, const context& ctx,
                                       role side, stream_options options);
// For a stream that is returned with an error: it can only report that error.
driver_pointer make_failed_driver(std::unique_ptr<layer> below, const context& ctx, failure error);
// Stops it on its own strand.
void abandon(std::shared_ptr<driver> d);

}  // namespace detail
}  // namespace v0
}  // namespace sluice
