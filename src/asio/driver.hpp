// SPDX-License-Identifier: Apache-2.0
// Waits for a connection: for its layer below, for private keys, for deadlines, for cancellation.
//
// Four rules hold it together. A user's handler always sits inside an Asio operation (a wait on the layer, or on a
// timer), never in this object: an io_context that is destroyed takes it along, and no cycle forms. What happens
// elsewhere (a signature, a byte, a cancellation) only wakes the parked operation, which then asks the connection
// what to do next. Where several things may happen at once (handshake, shutdown, lingering) they run on a strand:
// the one that the acceptor or the connector hands down, else one of the driver's own, so that a program with several
// threads and one operation at a time needs none. And whoever touches the driver has its turn (turn.hpp): a stream may
// be destroyed in any state, and a layer that it borrowed is not touched from then on.
#pragma once

#include "asio/turn.hpp"
#include "core/base/failure.hpp"
#include "sluice/asio/detail/driver.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace sluice {
inline namespace v0 {
namespace detail {

class signature_wait;
class idle_service;
using serial_executor = net::strand<net::any_io_executor>;

using internal::in_phase;
std::chrono::steady_clock::time_point deadline_after(std::chrono::nanoseconds limit) noexcept;  // of now; or never

class driver : public std::enable_shared_from_this<driver> {
 public:
  driver(std::unique_ptr<layer> below, const context& ctx, role side, stream_options options, serial_executor serial);
  driver(std::unique_ptr<layer> below, failure why, const context& ctx, serial_executor serial);
  ~driver();

  // driver.cpp: reading and writing
  void start_read(std::span<std::byte> into, size_handler handler);
  void start_write(const gathered_buffers& from, size_handler handler);
  void stop() noexcept;
  layer& release() noexcept;
  error_code request_key_update();
  const failure& last_failure() const noexcept;

  // driver_bounded.cpp: handshake and shutdown, which have a deadline
  void start_handshake(std::vector<std::byte> already_read, void_handler handler);
  void start_shutdown(bool waits_for_peer, void_handler handler);

  // driver_linger.cpp
  void linger_step();  // on serial_
  void end_linger();
  void end_alone() noexcept;

  // idle.cpp
  void release_if_quiet() noexcept;
  std::atomic<bool> has_read_ = false;  // since the last look
  std::atomic<bool> is_watched_ = false;

  // driver_sync.cpp
  void handshake(std::span<const std::byte> already_read, error_code& ec);
  std::size_t read_some(std::span<std::byte> into, error_code& ec);
  std::size_t write_some(const gathered_buffers& from, error_code& ec);
  void shutdown(bool waits_for_peer, error_code& ec);

  std::unique_ptr<layer> layer_, released_;
  net::any_io_executor executor_;  // the stream's: reading and writing
  const serial_executor strand_;
  net::any_io_executor serial_;  // the same: everything with a deadline
  connection tls_;
  failure failure_;
  handshake_timings timings_;
  std::chrono::nanoseconds handshake_timeout_;
  std::chrono::nanoseconds shutdown_timeout_;

  void wake();  // from elsewhere, on serial_

 private:
  using clock_type = std::chrono::steady_clock;
  enum class begun { now, before };  // is this still inside the initiating call?
  enum class verb { none, handshake, shutdown, shutdown_write };

  // One outstanding operation: who may stop it, and whether somebody did.
  struct activity {
    bool is_active = false;
    bool is_waiting = false;                   // a wait on the layer holds inner's slot
    std::atomic<std::uint64_t> number = 0;     // of the last operation begun
    std::atomic<std::uint64_t> cancelled = 0;  // of the last one that somebody cancelled
    net::cancellation_signal inner;
    bool is_cancelled() const noexcept { return cancelled == number; }
    void cancel() noexcept { cancelled = number.load(); }
  };
  struct read_operation;
  struct parked_read;
  struct write_operation;
  struct bounded_operation;
  template <class OnDone>
  struct own_wait;

  template <class Handler>
  void begin(activity& a, Handler& handler, net::cancellation_type accepted);
  template <class Handler, class... Args>
  void finish(turn& mine, activity& a, Handler handler, begun when, Args... args);
  template <class Handler, class... Args>
  void refuse(Handler handler, Args... args);
  error_code why_not(const turn& mine, const activity& a, phase at);
  void post_cancel(activity& a, std::uint64_t number, net::cancellation_type type);
  void end_waits() noexcept;

  void read_step(turn& mine, size_handler handler, begun when);
  void write_step(turn& mine, size_handler handler, begun when);
  void drain_for_write(size_handler handler);
  void flush_again(size_handler handler);
  void write_drained(turn& mine, size_handler handler, std::size_t n);

  void start_bounded(const turn& mine, verb what, std::chrono::nanoseconds limit, void_handler handler);
  void bounded_step(turn& mine, void_handler handler);
  void park_until(clock_type::time_point when, void_handler handler);
  void check_serial() const;
  step call_verb();
  void arm(const step& st);
  void arm_fill();
  void arm_drain();
  void await_signature();
  void expire();
  void finish_bounded(turn& mine, void_handler handler, error_code ec);
  bool must_settle();
  phase phase_now() const noexcept;
  void note_failure(const error_code& ec, phase at);

  void begin_quiet();
  void end_quiet() noexcept;
  void forget_idle() noexcept;

  void linger_if_due();
  void linger_on();
  void drain_input_then_close();
  void drain_input();
  void leave();
  void linger_wait(clock_type::time_point until, void (driver::*next)());
  void sleep_through(std::chrono::nanoseconds delay);

  void linger_alone();
  void note_sync_end(const error_code& ec);
  step wait_sync(step st, clock_type::time_point deadline);
  template <class Call>
  step run_sync(clock_type::time_point deadline, Call call);
  template <class Call>
  std::size_t call_sync(const activity& a, phase at, error_code& ec, Call call);

  turn_gate gate_;
  activity reading_, writing_, bounded_;
  std::span<std::byte> read_into_;
  gathered_buffers write_from_;
  std::size_t sealed_ = 0;

  verb verb_ = verb::none;
  clock_type::time_point deadline_{};
  net::steady_timer park_;                      // holds the handler of a bounded operation
  std::optional<net::steady_timer> read_park_;  // and of a read that meets a wait left over from a handshake
  net::cancellation_signal fill_signal_;
  std::shared_ptr<signature_wait> signature_;
  bool is_filling_ = false;
  bool is_draining_ = false;
  bool is_finishing_ = false;  // a bounded operation waits for its last waits to end, until settled_by_
  error_code outcome_;
  clock_type::time_point settled_by_{};
  bool is_lingering_ = false;             // never cleared: the stream is finished then
  bool is_stopped_ = false;               // from here on a borrowed layer is not touched
  std::atomic<bool> was_shared_ = false;  // the last refusal was a second thread's
  idle_service* idle_ = nullptr;
  bool is_quiet_ = false;  // a read waits
  clock_type::time_point bounded_began_{}, linger_until_{};
};

// As make_driver(), on a strand that is the caller's as well.
driver_pointer make_driver_on(const serial_executor& serial, std::unique_ptr<layer> below, const context& ctx,
                              role side, stream_options options);
// Stops it where it runs.
void abandon(driver_pointer d);

}  // namespace detail
}  // namespace v0
}  // namespace sluice
