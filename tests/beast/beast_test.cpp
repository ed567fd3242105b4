// SPDX-License-Identifier: Apache-2.0
// Boost.Beast over a Sluice stream: HTTP and WebSocket, by waiting and in a loop, to the end and to a cut.
#include "sluice/asio/beast.hpp"
#include "sluice/asio/stream_impl.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"
#include "support/watch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <thread>

namespace sluice::test {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using message_stream = websocket::stream<tcp_stream>;

static_assert(beast::is_async_stream<tcp_stream>::value && beast::is_sync_stream<tcp_stream>::value);

struct beast_streams : ::testing::Test {
  asio::io_context io;
  std::shared_ptr<recorder> seen = std::make_shared<recorder>();
  joined_streams ends{io.get_executor(), client_context({.observer = seen}), server_context({.observer = seen})};

  void SetUp() override { ends.shake_hands(io); }
  // Nobody was cut off: every stream ended by close_notify.
  void expect_no_cut() const {
    for (const auto& error : seen->failures()) ADD_FAILURE() << error.message();
  }
};

// --- Over Beast's own stream, which has time-outs and posts to its handlers' executors ---

using timed_stream = stream<beast::tcp_stream>;
static_assert(beast::is_async_stream<timed_stream>::value && beast::is_sync_stream<timed_stream>::value);
static_assert(std::is_same_v<timed_stream::lowest_layer_type, tcp::socket>);

struct timed_streams : ::testing::Test {
  asio::io_context io;
  joined_sockets raw = join_sockets(io.get_executor());
  timed_stream client{beast::tcp_stream(std::move(raw.client)), client_context(), "localhost"};
  timed_stream server{beast::tcp_stream(std::move(raw.server)), server_context(), role::server};
  char byte = 0;
};

TEST_F(timed_streams, shake_hands_talk_and_part) {
  client.next_layer().expires_after(30s);
  server.next_layer().expires_after(30s);
  shake_hands(io, client, server);
  const auto text = random_text(300000);
  EXPECT_EQ(pass(io, client, server, text), text);
  EXPECT_EQ(pass(io, server, client, text), text);
  outcome c, s;
  client.async_shutdown(c.handler());
  server.async_shutdown(s.handler());
  EXPECT_FALSE(c.wait(io)) << c.ec.message();
  EXPECT_FALSE(s.wait(io)) << s.ec.message();
  EXPECT_EQ(&client.lowest_layer(), &client.next_layer().socket());
}

TEST_F(timed_streams, end_by_the_time_out_of_the_layer) {
  shake_hands(io, client, server);
  outcome read;
  client.next_layer().expires_after(100ms);
  client.async_read_some(asio::buffer(&byte, 1), read.handler());
  EXPECT_EQ(read.wait(io), beast::error::timeout) << read.ec.message();
  EXPECT_EQ(read.ec, errc::timed_out);
}

TEST_F(timed_streams, end_a_handshake_by_the_time_out_of_the_layer) {
  outcome shaken;
  client.next_layer().expires_after(100ms);
  client.async_handshake(shaken.handler());
  EXPECT_EQ(shaken.wait(io), beast::error::timeout) << shaken.ec.message();
}

TEST_F(timed_streams, may_be_cancelled_and_go_on) {
  shake_hands(io, client, server);
  asio::cancellation_signal stop;
  outcome read;
  client.async_read_some(asio::buffer(&byte, 1), asio::bind_cancellation_slot(stop.slot(), read.handler()));
  run_ready(io);
  stop.emit(asio::cancellation_type::total);
  EXPECT_EQ(read.wait(io), asio::error::operation_aborted) << read.ec.message();
  EXPECT_EQ(pass(io, server, client, "still whole"), "still whole");
}

// --- HTTP ---

http::response<http::string_body> reply_to(const http::request<http::string_body>& asked, bool is_chunked) {
  http::response<http::string_body> reply(http::status::ok, 11);
  reply.set(http::field::content_type, "application/octet-stream");
  reply.keep_alive(asked.keep_alive());
  reply.body() = asked.body() + asked.body();
  if (is_chunked) {
    reply.chunked(true);
  } else {
    reply.prepare_payload();
  }
  return reply;
}

http::request<http::string_body> request_with(std::string body) {
  http::request<http::string_body> made(http::verb::post, "/double", 11);
  made.set(http::field::host, "localhost");
  made.body() = std::move(body);
  made.prepare_payload();
  return made;
}

asio::awaitable<void> serve_http(tcp_stream& s, int count) {
  beast::flat_buffer buffer;
  for (int i = 0; i < count; ++i) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(16 << 20);
    co_await http::async_read(s, buffer, parser, asio::use_awaitable);
    const auto reply = reply_to(parser.get(), i % 2 == 0);
    co_await http::async_write(s, reply, asio::use_awaitable);
  }
  auto [ec] = co_await s.async_shutdown(use_tuple);
  EXPECT_FALSE(ec) << ec.message();
}

asio::awaitable<void> ask_http(tcp_stream& s, int count) {
  beast::flat_buffer buffer;
  for (int i = 0; i < count; ++i) {
    const auto body = random_text(i < 2 ? 10 : 3'000'000, static_cast<unsigned>(i));
    const auto request = request_with(body);
    co_await http::async_write(s, request, asio::use_awaitable);
    http::response_parser<http::string_body> parser;
    parser.body_limit(16 << 20);
    co_await http::async_read(s, buffer, parser, asio::use_awaitable);
    EXPECT_EQ(parser.get().chunked(), i % 2 == 0);
    EXPECT_TRUE(parser.get().body() == body + body);
  }
  std::string rest;
  auto [ec, n] = co_await asio::async_read(s, asio::dynamic_buffer(rest), use_tuple);
  EXPECT_EQ(ec, asio::error::eof) << ec.message();
  EXPECT_EQ(n, 0u);
  co_await s.async_shutdown(use_tuple);
}

TEST_F(beast_streams, carry_http_small_and_large_whole_and_chunked) {
  spawn(io, serve_http(ends.server, 4));
  spawn(io, ask_http(ends.client, 4));
  run(io);
  expect_no_cut();
}

TEST_F(beast_streams, carry_http_by_waiting) {
  const auto body = random_text(1'000'000);
  std::jthread server([&] {
    beast::flat_buffer buffer;
    http::request<http::string_body> asked;
    http::read(ends.server, buffer, asked);
    http::write(ends.server, reply_to(asked, true));
    error_code ec;
    ends.server.shutdown(ec);
    EXPECT_FALSE(ec) << ec.message();
  });
  beast::flat_buffer buffer;
  http::response<http::string_body> reply;
  http::write(ends.client, request_with(body));
  http::read(ends.client, buffer, reply);
  EXPECT_TRUE(reply.body() == body + body);
  error_code ec;
  ends.client.shutdown(ec);
  EXPECT_FALSE(ec) << ec.message();
}

// A body without a length ends with the connection: whether that was meant is what TLS can tell.
struct unmeasured_body : beast_streams {
  error_code read_after(bool is_cut) {
    const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome of it";
    outcome wrote, ended;
    asio::async_write(ends.server, asio::buffer(head), wrote.handler());
    EXPECT_FALSE(wrote.wait(io));
    if (is_cut) {
      ends.server.lowest_layer().close();
    } else {
      ends.server.async_shutdown_write(ended.handler());
    }
    outcome read;
    http::async_read(ends.client, buffer_, response_, read.handler());
    return read.wait(io);
  }
  beast::flat_buffer buffer_;
  http::response<http::string_body> response_;
};

TEST_F(unmeasured_body, is_whole_where_the_server_said_so) {
  EXPECT_FALSE(read_after(false));
  EXPECT_EQ(response_.body(), "some of it");
}

TEST_F(unmeasured_body, is_an_error_where_it_was_cut) { EXPECT_EQ(read_after(true), errc::truncated); }

// --- WebSocket ---

struct beast_websockets : beast_streams {
  std::unique_ptr<message_stream> client, server;

  void SetUp() override {
    beast_streams::SetUp();
    client = std::make_unique<message_stream>(std::move(ends.client));
    server = std::make_unique<message_stream>(std::move(ends.server));
    server->read_message_max(32 << 20);
    client->read_message_max(32 << 20);
  }
  void open() {
    outcome c, s;
    client->async_handshake("localhost", "/chat", c.handler());
    server->async_accept(s.handler());
    ASSERT_FALSE(c.wait(io)) << c.ec.message();
    ASSERT_FALSE(s.wait(io)) << s.ec.message();
  }
  std::string pass(message_stream& from, message_stream& to, const std::string& text) {
    outcome wrote, read;
    beast::flat_buffer buffer;
    from.async_write(asio::buffer(text), wrote.handler());
    to.async_read(buffer, read.handler());
    EXPECT_FALSE(wrote.wait(io)) << wrote.ec.message();
    EXPECT_FALSE(read.wait(io)) << read.ec.message();
    return beast::buffers_to_string(buffer.data());
  }
};

TEST_F(beast_websockets, carry_messages_both_ways) {
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(pass(*client, *server, "hello"), "hello");
  EXPECT_EQ(pass(*server, *client, "hello yourself"), "hello yourself");
  const auto large = random_text(5'000'000);
  client->binary(true);
  server->binary(true);
  client->auto_fragment(true);
  EXPECT_TRUE(pass(*client, *server, large) == large);
  EXPECT_TRUE(pass(*server, *client, large) == large);
}

// Each reads while it writes.
TEST_F(beast_websockets, carry_messages_both_ways_at_once) {
  ASSERT_NO_FATAL_FAILURE(open());
  client->binary(true);
  server->binary(true);
  const auto up = random_text(8'000'000, 1), down = random_text(8'000'000, 2);
  beast::flat_buffer at_client, at_server;
  outcome c, s, c_read, s_read;
  client->async_write(asio::buffer(up), c.handler());
  server->async_write(asio::buffer(down), s.handler());
  client->async_read(at_client, c_read.handler());
  server->async_read(at_server, s_read.handler());
  for (auto* each : {&c, &s, &c_read, &s_read}) EXPECT_FALSE(each->wait(io)) << each->ec.message();
  EXPECT_TRUE(beast::buffers_to_string(at_server.data()) == up);
  EXPECT_TRUE(beast::buffers_to_string(at_client.data()) == down);
}

// Whoever closes first: both sockets are closed in the end, and neither side was cut off.
struct closing : beast_websockets, ::testing::WithParamInterface<bool> {};

TEST_P(closing, in_a_loop_ends_with_close_notify) {
  ASSERT_NO_FATAL_FAILURE(open());
  auto& closes = GetParam() ? *client : *server;
  auto& listens = GetParam() ? *server : *client;
  outcome closed, heard;
  beast::flat_buffer buffer;
  closes.async_close(websocket::close_code::normal, closed.handler());
  listens.async_read(buffer, heard.handler());
  EXPECT_FALSE(closed.wait(io)) << closed.ec.message();
  EXPECT_EQ(heard.wait(io), websocket::error::closed);
  EXPECT_FALSE(closes.next_layer().lowest_layer().is_open());
  EXPECT_FALSE(listens.next_layer().lowest_layer().is_open());
  EXPECT_EQ(listens.reason().code, websocket::close_code::normal);
  expect_no_cut();
}

TEST_P(closing, by_waiting_ends_with_close_notify) {
  ASSERT_NO_FATAL_FAILURE(open());
  auto& closes = GetParam() ? *client : *server;
  auto& listens = GetParam() ? *server : *client;
  error_code heard, closed;
  {
    std::jthread other([&] {
      beast::flat_buffer buffer;
      listens.read(buffer, heard);
    });
    closes.close(websocket::close_code::going_away, closed);
  }
  EXPECT_FALSE(closed) << closed.message();
  EXPECT_EQ(heard, websocket::error::closed);
  EXPECT_FALSE(closes.next_layer().lowest_layer().is_open());
  EXPECT_FALSE(listens.next_layer().lowest_layer().is_open());
  expect_no_cut();
}

INSTANTIATE_TEST_SUITE_P(first, closing, ::testing::Bool(),
                         [](const auto& info) { return std::string(info.param ? "client" : "server"); });

TEST_F(beast_websockets, see_a_cut_as_an_error) {
  ASSERT_NO_FATAL_FAILURE(open());
  outcome read;
  beast::flat_buffer buffer;
  client->async_read(buffer, read.handler());
  run_ready(io);
  server->next_layer().lowest_layer().close();
  EXPECT_EQ(read.wait(io), errc::truncated);
}

// A peer that neither answers close_notify nor reads does not hold the teardown for longer than the shutdown time-out.
TEST_F(beast_websockets, are_torn_down_in_bounded_time) {
  ASSERT_NO_FATAL_FAILURE(open());
  server->next_layer().set_timeouts(10s, 100ms);
  outcome torn;
  async_teardown(beast::role_type::server, server->next_layer(), torn.handler());
  EXPECT_EQ(torn.wait(io), errc::timed_out);
  EXPECT_FALSE(server->next_layer().lowest_layer().is_open());
}

}  // namespace
}  // namespace sluice::test
