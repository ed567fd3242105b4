// SPDX-License-Identifier: Apache-2.0
// Any completion token will do.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include "sluice/asio/stream_impl.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <memory>
#include <thread>

namespace sluice::test {
namespace {

// A client that has shaken hands with a server which echoes.
struct tokens : ::testing::Test {
  asio::io_context io;
  joined_streams ends{io.get_executor(), client_context(), server_context()};
  void SetUp() override {
    ends.shake_hands(io);
    asio::co_spawn(io, echo(std::move(ends.server)), asio::detached);
  }
  tcp_stream& client = ends.client;
  std::string got = std::string(5, '\0');
};

TEST_F(tokens, callback) {
  outcome wrote, read, shut;
  client.async_write_some(asio::buffer("hello", 5), wrote.handler());
  EXPECT_FALSE(wrote.wait(io));
  EXPECT_EQ(wrote.bytes, 5u);
  client.async_read_some(asio::buffer(got), read.handler());
  EXPECT_FALSE(read.wait(io));
  EXPECT_EQ(got, "hello");
  client.async_shutdown(shut.handler());
  EXPECT_FALSE(shut.wait(io)) << shut.ec.message();
}

TEST_F(tokens, callback_that_can_only_be_moved) {
  auto seen = std::make_unique<std::size_t>(0);
  auto& n = *seen;
  client.async_write_some(asio::buffer("hello", 5), [owned = std::move(seen)](error_code, std::size_t m) {
    *owned = m;
    EXPECT_EQ(m, 5u);
  });
  outcome read;
  client.async_read_some(asio::buffer(got), read.handler());
  n = 1;  // still alive: the operation owns it
  EXPECT_FALSE(read.wait(io));
  EXPECT_EQ(got, "hello");
}

TEST_F(tokens, future) {
  auto work = asio::make_work_guard(io);
  std::thread loop([this] {
    io.restart();
    io.run();
  });
  EXPECT_EQ(asio::async_write(client, asio::buffer("hello", 5), asio::use_future).get(), 5u);
  EXPECT_EQ(asio::async_read(client, asio::buffer(got), asio::use_future).get(), 5u);
  client.async_shutdown(asio::use_future).get();
  // What fails is thrown, with the code.
  try {
    client.async_write_some(asio::buffer("more", 4), asio::use_future).get();
    ADD_FAILURE() << "wrote after shutdown";
  } catch (const boost::system::system_error& e) {
    EXPECT_EQ(e.code(), boost::system::errc::broken_pipe);
  }
  work.reset();
  loop.join();
  EXPECT_EQ(got, "hello");
}

TEST_F(tokens, deferred_does_nothing_until_it_is_launched) {
  auto op = client.async_write_some(asio::buffer("hello", 5), asio::deferred);
  run_ready(io);
  outcome wrote, read;
  client.async_read_some(asio::buffer(got), read.handler());
  run_ready(io);
  EXPECT_FALSE(read.is_done);
  std::move(op)(wrote.handler());
  EXPECT_FALSE(read.wait(io));
  EXPECT_TRUE(wrote.is_done);
  EXPECT_EQ(got, "hello");
}

asio::awaitable<void> by_coroutine(tcp_stream& s, bool& is_done) {
  const std::size_t n = co_await s.async_write_some(asio::buffer("hello", 5), asio::use_awaitable);
  EXPECT_EQ(n, 5u);
  std::string got(5, '\0');
  auto [ec, m] = co_await s.async_read_some(asio::buffer(got), use_tuple);
  EXPECT_FALSE(ec);
  EXPECT_EQ(got.substr(0, m), "hello");
  co_await s.async_write_some(asio::buffer("again", 5));  // the default, deferred, can be awaited as it is
  const auto k = co_await asio::async_read(s, asio::buffer(got), asio::use_awaitable);
  EXPECT_EQ(got.substr(0, k), "again");
  co_await s.async_shutdown_write();
  co_await s.async_shutdown();
  is_done = true;
}

TEST_F(tokens, coroutine) {
  bool is_done = false;
  spawn(io, by_coroutine(client, is_done));
  run(io);
  EXPECT_TRUE(is_done);
}

asio::awaitable<void> whichever_is_first(tcp_stream& s) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer limit(s.get_executor(), 10ms);
  char byte = 0;
  auto won = co_await (s.async_read_some(asio::buffer(&byte, 1), use_tuple) || limit.async_wait(use_tuple));
  EXPECT_EQ(won.index(), 1u);
  // The read that lost has done no harm.
  std::string got(5, '\0');
  auto both = co_await (asio::async_write(s, asio::buffer("hello", 5), asio::use_awaitable) &&
                        asio::async_read(s, asio::buffer(got), asio::use_awaitable));
  EXPECT_EQ(std::get<0>(both), 5u);
  EXPECT_EQ(got, "hello");
  co_await s.async_shutdown();
}

TEST_F(tokens, coroutines_joined_by_operators) {
  spawn(io, whichever_is_first(client));
  run(io);
}

using socket_by_default = asio::use_awaitable_t<>::as_default_on_t<tcp::socket>;

asio::awaitable<void> without_tokens(stream<socket_by_default> s) {
  static_assert(std::is_same_v<decltype(s)::default_token, asio::use_awaitable_t<>>);
  co_await s.async_handshake();
  co_await asio::async_write(s, asio::buffer("hello", 5));
  std::string got(5, '\0');
  co_await asio::async_read(s, asio::buffer(got));
  EXPECT_EQ(got, "hello");
  co_await s.async_shutdown();
}

TEST(default_tokens, are_the_executors) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  tcp_stream server(std::move(raw.server), server_context(), role::server);
  stream<socket_by_default> client(socket_by_default(std::move(raw.client)), client_context(), "localhost");
  outcome shaken;
  server.async_handshake(shaken.handler());
  spawn(io, without_tokens(std::move(client)));
  EXPECT_FALSE(shaken.wait(io)) << shaken.ec.message() << server.last_failure().message();
  asio::co_spawn(io, echo(std::move(server)), asio::detached);
  run(io);
}

}  // namespace
}  // namespace sluice::test
