// SPDX-License-Identifier: Apache-2.0
// Running coroutines and operations in a test: to the end, or to a generous limit.
#pragma once

#include "sluice/asio.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
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
using clock_type = std::chrono::steady_clock;

inline constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

// Runs `io` until it has nothing more to do; a test that hangs fails after `limit` instead.
inline void run(asio::io_context& io, std::chrono::seconds limit = 60s) {
  io.restart();
  io.run_for(limit);
  EXPECT_TRUE(io.stopped()) << "the test hung";
}

// Runs `io` until something is true, or for `limit`.
inline bool run_until(asio::io_context& io, const std::function<bool()>& is_true, std::chrono::seconds limit = 60s) {
  const auto end = clock_type::now() + limit;
  while (!is_true() && clock_type::now() < end) {
    io.restart();
    io.run_one_for(50ms);
  }
  return is_true();
}

// Runs whatever is ready, and what that makes ready.
inline void run_ready(asio::io_context& io) {
  io.restart();
  while (io.poll() > 0) {
  }
}

// Spawns a coroutine; what it throws fails the test.
template <class Executor, class Coroutine>
void spawn(Executor&& where, Coroutine coroutine) {
  asio::co_spawn(where, std::move(coroutine), [](std::exception_ptr thrown) {
    if (!thrown) return;
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      ADD_FAILURE() << "a coroutine threw: " << e.what();
    }
  });
}

// What an operation completed with. Give handler() to one operation; keep this where it is until then.
struct outcome {
  bool is_done = false;
  error_code ec;
  std::size_t bytes = 0;

  auto handler() {
    return [this](const error_code& e, std::size_t n = 0) {
      EXPECT_FALSE(is_done) << "completed twice";
      is_done = true;
      ec = e;
      bytes = n;
    };
  }
  // Runs the loop until it has completed.
  const error_code& wait(asio::io_context& io) {
    EXPECT_TRUE(run_until(
        io, [this] { return is_done; }, 20s))
        << "never completed";
    return ec;
  }
};

inline tcp::endpoint loopback(unsigned short port = 0) { return {asio::ip::address_v4::loopback(), port}; }

// Two sockets joined over loopback.
struct joined_sockets {
  tcp::socket client, server;
};
inline joined_sockets join_sockets(const asio::any_io_executor& ex) {
  tcp::acceptor listener(ex, loopback());
  joined_sockets made{tcp::socket(ex), tcp::socket(ex)};
  made.client.connect(listener.local_endpoint());
  listener.accept(made.server);
  made.client.set_option(tcp::no_delay(true));
  made.server.set_option(tcp::no_delay(true));
  return made;
}

template <class Client, class Server>
void shake_hands(asio::io_context& io, Client& client, Server& server) {
  outcome c, s;
  client.async_handshake(c.handler());
  server.async_handshake(s.handler());
  ASSERT_FALSE(c.wait(io)) << c.ec.message() << ": " << client.last_failure().message();
  ASSERT_FALSE(s.wait(io)) << s.ec.message() << ": " << server.last_failure().message();
}

// A client and a server over them.
struct joined_streams {
  tcp_stream client, server;
  joined_streams(const asio::any_io_executor& ex, const context& client_ctx, const context& server_ctx)
      : joined_streams(join_sockets(ex), client_ctx, server_ctx) {}
  joined_streams(joined_sockets over, const context& client_ctx, const context& server_ctx)
      : client(std::move(over.client), client_ctx, "localhost"),
        server(std::move(over.server), server_ctx, role::server) {}

  void shake_hands(asio::io_context& io) { sluice::test::shake_hands(io, client, server); }
};

// Sends `text` one way and answers what arrived.
template <class From, class To>
std::string pass(asio::io_context& io, From& from, To& to, const std::string& text) {
  outcome wrote, read;
  std::string arrived(text.size(), '\0');
  asio::async_write(from, asio::buffer(text), wrote.handler());
  asio::async_read(to, asio::buffer(arrived), read.handler());
  EXPECT_FALSE(wrote.wait(io)) << wrote.ec.message();
  EXPECT_FALSE(read.wait(io)) << read.ec.message();
  return arrived;
}

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
