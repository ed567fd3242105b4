// SPDX-License-Identifier: Apache-2.0
// Over what a stream can run: Unix sockets, borrowed sockets, other TLS streams.
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"
#include "support/socket_layer.hpp"

#include "sluice/asio/stream_impl.hpp"

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/post.hpp>

namespace sluice::test {
namespace {

TEST(layers, unix_sockets) {
  asio::io_context io;
  asio::local::stream_protocol::socket a(io), b(io);
  asio::local::connect_pair(a, b);
  unix_stream client(std::move(a), client_context(), "localhost");
  unix_stream server(std::move(b), server_context(), role::server);
  shake_hands(io, client, server);
  const auto text = random_text(300000);
  EXPECT_EQ(pass(io, client, server, text), text);
  EXPECT_EQ(pass(io, server, client, text), text);
  outcome c, s;
  client.async_shutdown(c.handler());
  server.async_shutdown(s.handler());
  EXPECT_FALSE(c.wait(io));
  EXPECT_FALSE(s.wait(io));
}

TEST(layers, a_borrowed_socket_outlives_its_stream) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  {
    stream<tcp::socket&> client(raw.client, client_context(), "localhost");
    stream<tcp::socket&> server(raw.server, server_context(), role::server);
    EXPECT_EQ(&client.next_layer(), &raw.client);
    shake_hands(io, client, server);
    EXPECT_EQ(pass(io, client, server, "sealed"), "sealed");
    outcome c, s;
    client.async_shutdown(c.handler());
    server.async_shutdown(s.handler());
    EXPECT_FALSE(c.wait(io));
    EXPECT_FALSE(s.wait(io));
  }
  EXPECT_TRUE(raw.client.is_open() && raw.server.is_open());
  EXPECT_EQ(pass(io, raw.client, raw.server, "in the clear again"), "in the clear again");
}

TEST(layers, release_gives_the_socket_back) {
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  outcome c, s;
  ends.client.async_shutdown(c.handler());
  ends.server.async_shutdown(s.handler());
  EXPECT_FALSE(c.wait(io));
  EXPECT_FALSE(s.wait(io));
  tcp::socket client = ends.client.release();
  tcp::socket server = ends.server.release();
  EXPECT_EQ(pass(io, client, server, "in the clear again"), "in the clear again");
}

// As a program's own layer may: completes by posting to the executor of the handler it was given.
class posting_layer : public socket_layer {
 public:
  using socket_layer::socket_layer;

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this, buffers](auto handler) { socket_.async_read_some(buffers, post_to(std::move(handler))); }, token);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this, buffers](auto handler) { socket_.async_write_some(buffers, post_to(std::move(handler))); }, token);
  }

 private:
  template <class Handler>
  auto post_to(Handler handler) {
    auto executor = asio::get_associated_executor(handler, socket_.get_executor());
    return [executor, handler = std::move(handler)](const error_code& ec, std::size_t n) mutable {
      asio::post(executor, [handler = std::move(handler), ec, n]() mutable { std::move(handler)(ec, n); });
    };
  }
};

TEST(layers, one_that_posts_and_has_no_layer_below) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  stream<posting_layer> client(posting_layer(std::move(raw.client)), client_context(), "localhost");
  tcp_stream server(std::move(raw.server), server_context(), role::server);
  static_assert(std::is_same_v<stream<posting_layer>::lowest_layer_type, posting_layer>);
  shake_hands(io, client, server);
  const auto text = random_text(200000);
  EXPECT_EQ(pass(io, client, server, text), text);
  EXPECT_EQ(pass(io, server, client, text), text);
}

TEST(layers, sockets_with_a_default_token_of_their_own) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  using awaiting = asio::use_awaitable_t<>::as_default_on_t<tcp::socket>;
  stream<awaiting> client(awaiting(std::move(raw.client)), client_context(), "localhost");
  tcp_stream server(std::move(raw.server), server_context(), role::server);
  outcome shaken;
  server.async_handshake(shaken.handler());
  spawn(io, [](stream<awaiting>& s) -> asio::awaitable<void> { co_await s.async_handshake(); }(client));
  EXPECT_FALSE(shaken.wait(io));
  run_ready(io);
  EXPECT_TRUE(client.is_established());
}

TEST(layers, options_of_a_stream_on_ones_own_socket) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  stream_options wishes{.server_name = "localhost", .alpn = {"h2"}};
  tcp_stream client(std::move(raw.client), client_context(), role::client, std::move(wishes));
  tcp_stream server(std::move(raw.server), server_context({.alpn = {"http/1.1", "h2"}}), role::server);
  shake_hands(io, client, server);
  EXPECT_EQ(client.info().alpn, "h2");
  EXPECT_EQ(server.info().server_name, "localhost");
}

using inner_stream = stream<tcp_stream>;

struct nested {
  asio::io_context io;
  joined_streams outer{io.get_executor(), client_context(), server_context()};
};

TEST(layers, tls_in_tls) {
  nested n;
  n.outer.shake_hands(n.io);
  inner_stream client(std::move(n.outer.client), client_context(), "localhost");
  inner_stream server(std::move(n.outer.server), server_context({.identities = {site_identity("rsa2048")}}),
                      role::server);
  shake_hands(n.io, client, server);
  EXPECT_EQ(client.info().signature.substr(0, 3), "rsa");
  EXPECT_EQ(client.next_layer().info().signature.substr(0, 5), "ecdsa");
  const auto text = random_text(500000);
  EXPECT_EQ(pass(n.io, client, server, text), text);
  EXPECT_EQ(pass(n.io, server, client, text), text);
  // The inner end is not the outer end: what was inside can be taken off again.
  outcome c, s;
  client.async_shutdown(c.handler());
  server.async_shutdown(s.handler());
  EXPECT_FALSE(c.wait(n.io)) << c.ec.message();
  EXPECT_FALSE(s.wait(n.io)) << s.ec.message();
  tcp_stream outer_client = client.release();
  tcp_stream outer_server = server.release();
  EXPECT_EQ(pass(n.io, outer_client, outer_server, "one layer less"), "one layer less");
}

TEST(layers, the_end_of_an_outer_stream_cuts_the_inner_one) {
  nested n;
  n.outer.shake_hands(n.io);
  inner_stream client(std::move(n.outer.client), client_context(), "localhost");
  inner_stream server(std::move(n.outer.server), server_context(), role::server);
  shake_hands(n.io, client, server);
  char byte;
  outcome read, shut;
  client.async_read_some(asio::buffer(&byte, 1), read.handler());
  server.next_layer().async_shutdown_write(shut.handler());
  EXPECT_FALSE(shut.wait(n.io));
  EXPECT_EQ(read.wait(n.io), errc::truncated) << read.ec.message();
}

TEST(layers, a_failure_of_the_layer_below_keeps_its_own_code) {
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  char byte;
  outcome read;
  ends.client.async_read_some(asio::buffer(&byte, 1), read.handler());
  run_ready(io);
  ends.server.lowest_layer().set_option(asio::socket_base::linger(true, 0));
  ends.server.lowest_layer().close();  // a reset
  EXPECT_EQ(read.wait(io), asio::error::connection_reset) << read.ec.message();
  EXPECT_EQ(read.ec, errc::connection_reset);
  EXPECT_EQ(ends.client.last_failure().code, read.ec);
  EXPECT_EQ(ends.client.last_failure().at, phase::read);
}

TEST(layers, cancelling_or_closing_the_socket_itself_ends_operations) {
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  char byte;
  outcome first, second, shaken;
  ends.client.async_read_some(asio::buffer(&byte, 1), first.handler());
  run_ready(io);
  ends.client.lowest_layer().cancel();
  EXPECT_EQ(first.wait(io), asio::error::operation_aborted);
  EXPECT_EQ(pass(io, ends.server, ends.client, "still whole"), "still whole");
  ends.client.async_read_some(asio::buffer(&byte, 1), second.handler());
  run_ready(io);
  ends.client.lowest_layer().close();
  EXPECT_EQ(second.wait(io), asio::error::operation_aborted);

  joined_streams others(io.get_executor(), client_context(), server_context());
  others.server.async_handshake(shaken.handler());
  run_ready(io);
  others.server.lowest_layer().cancel();
  EXPECT_EQ(shaken.wait(io), asio::error::operation_aborted);
}

}  // namespace
}  // namespace sluice::test
