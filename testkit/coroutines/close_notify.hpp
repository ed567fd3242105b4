// SPDX-License-Identifier: Apache-2.0
// The end of a connection whose handshake was all that was wanted.
#pragma once

#include "testkit/coroutines/use_tuple.hpp"

#include "sluice/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <memory>

namespace sluice::testkit {

// Sends close_notify, and reads until the peer has ended its direction or the timeout expires. In TLS 1.3 a client's
// handshake is done before the server has judged the client's certificate and before it gives tickets: an alert or
// tickets may still arrive, in answer to our close_notify at the latest, or from a server that is gone already. The
// result is how the reading ended: errc::alert is a refusal, and s.last_failure() describes it; operation_aborted or
// timed_out: the peer has not ended its direction; nothing else that goes wrong here is a failure. `s`, a tcp_stream or
// one with the same operations, outlives it.
template <class Stream>
boost::asio::awaitable<error_code> exchange_close_notify(Stream& s, std::chrono::nanoseconds timeout) {
  s.set_timeouts(timeout, timeout);
  co_await s.async_shutdown_write(use_tuple);
  // The timer may have expired with its handler still queued when this ends: the handler owns what it sets. A peer that
  // sends without pause may leave no read to cancel at that moment: the flag ends the loop then.
  struct expiry {
    boost::asio::cancellation_signal signal;
    bool has_expired = false;
  };
  const auto stop = std::make_shared<expiry>();
  boost::asio::steady_timer timer(s.get_executor(), timeout);
  timer.async_wait([stop](const error_code& ec) {
    if (ec) return;
    stop->has_expired = true;
    stop->signal.emit(boost::asio::cancellation_type::terminal);
  });
  error_code ended;
  std::array<char, 4096> rest;
  while (!ended && !stop->has_expired) {
    auto token = boost::asio::bind_cancellation_slot(stop->signal.slot(), use_tuple);
    auto [ec, n] = co_await s.async_read_some(boost::asio::buffer(rest), token);
    ended = ec;
  }
  if (!ended) ended = boost::asio::error::timed_out;
  co_return ended;
}

}  // namespace sluice::testkit
