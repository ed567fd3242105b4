// SPDX-License-Identifier: Apache-2.0
// TLS on a live socket, though the peer's first bytes of it were read before anybody knew (STARTTLS).
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"

namespace sluice::test {
namespace {

// The first bytes of TLS that a client sends, taken off the wire: `count` of them, or what there is.
std::string read_early(asio::io_context& io, tcp::socket& socket, std::size_t count) {
  outcome read;
  std::string early(count, '\0');
  if (count == 0) return early;
  if (count < 2000) {
    asio::async_read(socket, asio::buffer(early), read.handler());
  } else {
    socket.async_read_some(asio::buffer(early), read.handler());
  }
  EXPECT_FALSE(read.wait(io));
  early.resize(read.bytes);
  return early;
}

struct upgrade : ::testing::TestWithParam<std::size_t> {};

TEST_P(upgrade, takes_what_was_read_already) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  EXPECT_EQ(pass(io, raw.client, raw.server, "STARTTLS\r\n"), "STARTTLS\r\n");
  tcp_stream client(std::move(raw.client), client_context(), "localhost");
  outcome c, s;
  client.async_handshake(c.handler());
  run_ready(io);
  const auto early = read_early(io, raw.server, GetParam());
  tcp_stream server(std::move(raw.server), server_context(), role::server);
  server.async_handshake(asio::buffer(early), s.handler());
  EXPECT_FALSE(c.wait(io)) << client.last_failure().message();
  EXPECT_FALSE(s.wait(io)) << server.last_failure().message();
  const auto text = random_text(100000);
  EXPECT_EQ(pass(io, client, server, text), text);
  EXPECT_EQ(pass(io, server, client, text), text);
}

// Nothing, pieces of the record header, more than the stream reads ahead, the whole ClientHello.
INSTANTIATE_TEST_SUITE_P(bytes, upgrade, ::testing::Values(0, 1, 4, 5, 6, 511, 512, 513, 1000, 16000));

TEST(upgrade_of_a_borrowed_socket, takes_bytes_in_several_buffers_that_go_away_at_once) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  tcp_stream client(std::move(raw.client), client_context(), "localhost");
  outcome c, s;
  client.async_handshake(c.handler());
  run_ready(io);
  stream<tcp::socket&> server(raw.server, server_context(), role::server);
  {
    auto first = read_early(io, raw.server, 3);
    auto second = read_early(io, raw.server, 700);
    const std::array<asio::const_buffer, 2> early = {asio::buffer(first), asio::buffer(second)};
    server.async_handshake(early, s.handler());
    first.assign(first.size(), '!');  // copied in the call itself
    second.assign(second.size(), '!');
  }
  EXPECT_FALSE(c.wait(io)) << client.last_failure().message();
  EXPECT_FALSE(s.wait(io)) << server.last_failure().message();
  EXPECT_EQ(pass(io, client, server, "sealed"), "sealed");
}

asio::awaitable<void> mail_server(tcp::socket socket, context tls) {
  std::string line;
  const auto n =
      co_await asio::async_read(socket, asio::dynamic_buffer(line), asio::transfer_at_least(10), asio::use_awaitable);
  EXPECT_GE(n, 10u);
  const auto early = line.substr(10);  // whatever an eager client sent behind the command
  tcp_stream s(std::move(socket), tls, role::server);
  co_await s.async_handshake(asio::buffer(early));
  co_await asio::async_write(s, asio::buffer("250 ok\r\n", 8), asio::use_awaitable);
  auto [ec] = co_await s.async_shutdown(use_tuple);
  EXPECT_FALSE(ec) << ec.message();
}

asio::awaitable<void> eager_client(tcp::socket socket, context tls) {
  co_await asio::async_write(socket, asio::buffer("STARTTLS\r\n", 10), asio::use_awaitable);
  tcp_stream s(std::move(socket), tls, "localhost");
  co_await s.async_handshake();
  std::string reply;
  auto [ec, n] = co_await asio::async_read(s, asio::dynamic_buffer(reply), use_tuple);
  EXPECT_EQ(ec, asio::error::eof);
  EXPECT_EQ(reply, "250 ok\r\n");
  co_await s.async_shutdown();
}

TEST(upgrade_by_coroutines, works_for_a_client_that_does_not_wait_for_the_answer) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  spawn(io, mail_server(std::move(raw.server), server_context()));
  spawn(io, eager_client(std::move(raw.client), client_context()));
  run(io);
}

}  // namespace
}  // namespace sluice::test
