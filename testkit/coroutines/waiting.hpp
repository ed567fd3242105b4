// SPDX-License-Identifier: Apache-2.0
// Waiting for a time, in a coroutine.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace sluice::testkit {

// A cancellation ends it early.
inline boost::asio::awaitable<void> wait_until(std::chrono::steady_clock::time_point when) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, when);
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}
inline boost::asio::awaitable<void> wait_for(std::chrono::nanoseconds time) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, time);
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

}  // namespace sluice::testkit
