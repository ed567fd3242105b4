// SPDX-License-Identifier: Apache-2.0
// Running coroutines in a test: to the end, or to a generous limit.
#pragma once

#include "sluice/asio.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <functional>

namespace sluice::test {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;

inline constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

// Runs `io` until it has nothing more to do; a test that hangs fails after `limit` instead.
inline void run(asio::io_context& io, std::chrono::seconds limit = 60s) {
  io.run_for(limit);
  EXPECT_TRUE(io.stopped()) << "the test hung";
}

// Spawns a coroutine; what it throws fails the test.
template <class Coroutine>
void spawn(asio::io_context& io, Coroutine coroutine) {
  asio::co_spawn(io, std::move(coroutine), [](std::exception_ptr thrown) {
    if (!thrown) return;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      ADD_FAILURE() << "a coroutine threw: " << e.what();
    }
  });
}

inline tcp::endpoint loopback(unsigned short port = 0) { return {asio::ip::address_v4::loopback(), port}; }

inline asio::awaitable<void> echo(tcp_stream s) {
  std::array<char, 16384> buffer;
  for (;;) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(buffer), use_tuple);
    if (ec) break;
    auto [wec, m] = co_await asio::async_write(s, asio::buffer(buffer, n), use_tuple);
    if (wec) break;
  }
  co_await s.async_shutdown(use_tuple);
}

// Accepts and echoes until the acceptor is closed.
inline asio::awaitable<void> serve_echo(acceptor& in) {
  for (;;) {
    auto [ec, s] = co_await in.async_accept(use_tuple);
    if (ec) co_return;
    auto ex = s.get_executor();
    asio::co_spawn(ex, echo(std::move(s)), asio::detached);
  }
}

}  // namespace sluice::test
