// SPDX-License-Identifier: Apache-2.0
#include "client/pump.hpp"

#include "client/descriptor.hpp"
#include "testkit/coroutines/use_tuple.hpp"
#include "terminal/output.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <exception>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

// Both directions share it; they run on one thread.
struct pumping {
  pumping(any_stream& stream, std::chrono::milliseconds quiet, std::string_view ahead)
      : s(stream),
        timeout(quiet),
        first(ahead),
        in(s.get_executor(), STDIN_FILENO),
        out(s.get_executor(), standard_output_descriptor()),
        up_ended(s.get_executor(), asio::steady_timer::time_point::max()) {}
  bool has_half_close() const { return s.info().version == "TLSv1.3"; }
  void touch() { last_active = asio::steady_timer::clock_type::now(); }

  any_stream& s;
  const std::chrono::milliseconds timeout;
  const std::string_view first;
  shared_descriptor in, out;
  asio::steady_timer::time_point last_active = asio::steady_timer::clock_type::now();
  asio::cancellation_signal stop_up;
  asio::steady_timer up_ended;  // cancelled when that direction is over
  bool is_up = true;
  bool awaits_hangup = false;
  std::optional<failure> failed_with;
};

failure local_failure(const error_code& ec, const char* where) {
  failure error;
  error.code = ec;
  error.where = where;
  return error;
}

// False when it was stopped.
asio::awaitable<bool> wait_for_quiet(pumping& p) {
  asio::steady_timer timer(p.s.get_executor());
  for (auto end = p.last_active + p.timeout; end > asio::steady_timer::clock_type::now();
       end = p.last_active + p.timeout) {
    timer.expires_at(end);
    auto [ec] = co_await timer.async_wait(testkit::use_tuple);
    if (ec) co_return false;
  }
  co_return true;
}

// stdin to the peer.
asio::awaitable<void> pump_up(pumping& p) {
  if (!p.first.empty()) {
    auto [failed, written] = co_await asio::async_write(p.s, asio::buffer(p.first), testkit::use_tuple);
    if (failed) co_return;  // the other direction learns why
    p.touch();
  }
  std::array<char, 65536> buffer;
  for (;;) {
    error_code ec;
    const auto n = co_await p.in.read_some(buffer, ec);
    if (ec == asio::error::operation_aborted) co_return;
    if (ec) p.failed_with = local_failure(ec, "standard input");
    if (ec || n == 0) break;
    auto [failed, written] = co_await asio::async_write(p.s, asio::buffer(buffer.data(), n), testkit::use_tuple);
    if (failed) co_return;  // the other direction learns why
    p.touch();
  }
  if (!p.has_half_close()) {
    const bool is_quiet = co_await wait_for_quiet(p);
    if (!is_quiet) co_return;
  }
  co_await p.s.async_shutdown_write(testkit::use_tuple);
}

asio::awaitable<bool> pump_down(pumping& p) {
  std::array<char, 65536> buffer;
  for (;;) {
    auto [ec, n] = co_await p.s.async_read_some(asio::buffer(buffer), testkit::use_tuple);
    if (ec == asio::error::eof) co_return true;
    if (ec) {
      p.failed_with = p.s.last_failure();
      if (!p.failed_with->code) p.failed_with->code = ec;
      co_return false;
    }
    p.touch();
    error_code failed;
    co_await p.out.write(std::span<const char>(buffer.data(), n), failed);
    if (!failed) continue;
    if (failed != boost::system::errc::broken_pipe) p.failed_with = local_failure(failed, "standard output");
    co_return false;
  }
}

// The peer has ended its direction. In TLS 1.3 it may still read, unless it closes the socket as well.
asio::awaitable<void> wait_for_hangup(pumping& p) {
  p.awaits_hangup = true;
  while (p.is_up) {
    auto [ec] = co_await p.s.async_wait_readable(testkit::use_tuple);
    char byte = 0;
    const auto n = ec ? 0 : ::recv(p.s.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n >= 0 || errno != EAGAIN) break;  // closed, broken, or sending after its close_notify
  }
  p.awaits_hangup = false;
}

}  // namespace

asio::awaitable<std::optional<failure>> pump(any_stream& s, std::chrono::milliseconds timeout, std::string_view first,
                                             std::function<void()> on_half_close) {
  pumping p(s, timeout, first);
  const auto up_done = [&p](std::exception_ptr) {
    p.is_up = false;
    p.up_ended.cancel();
    if (p.awaits_hangup) p.s.cancel_waits();  // nothing else of ours is under way there
  };
  asio::co_spawn(s.get_executor(), pump_up(p), asio::bind_cancellation_slot(p.stop_up.slot(), up_done));
  const bool is_clean = co_await pump_down(p);
  if (is_clean && p.has_half_close()) {
    // Most peers close the socket at once, and there is nothing to report.
    asio::steady_timer soon(s.get_executor(), std::chrono::seconds(1));
    soon.async_wait([report = std::move(on_half_close)](error_code ec) {
      if (!ec && report) report();
    });
    co_await wait_for_hangup(p);
  }
  p.stop_up.emit(asio::cancellation_type::terminal);
  while (p.is_up) co_await p.up_ended.async_wait(testkit::use_tuple);
  constexpr auto parting = std::chrono::seconds(1);
  s.set_timeouts(parting, parting);
  if (s.is_established()) co_await s.async_shutdown(testkit::use_tuple);
  co_return p.failed_with;
}

}  // namespace sluice::tool
