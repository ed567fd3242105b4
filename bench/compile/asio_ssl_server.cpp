// SPDX-License-Identifier: Apache-2.0
// Hello TLS server on asio::ssl and the system's OpenSSL: what bench/compile-time compiles beside the other two.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio::ip::tcp;

asio::awaitable<void> echo(ssl::stream<tcp::socket> s) {
  co_await s.async_handshake(ssl::stream_base::server, asio::use_awaitable);
  std::array<char, 4096> text;
  for (;;) {
    const auto n = co_await s.async_read_some(asio::buffer(text), asio::use_awaitable);
    co_await asio::async_write(s, asio::buffer(text, n), asio::use_awaitable);
  }
}

asio::awaitable<void> serve(ssl::context& tls) {
  tcp::acceptor in(co_await asio::this_coro::executor, {tcp::v4(), 4433});
  for (;;) {
    auto socket = co_await in.async_accept(asio::use_awaitable);
    auto executor = socket.get_executor();
    asio::co_spawn(executor, echo({std::move(socket), tls}), asio::detached);
  }
}

int main() {
  ssl::context tls(ssl::context::tls_server);
  tls.use_certificate_chain_file("site.pem");
  tls.use_private_key_file("site.key", ssl::context::pem);
  asio::io_context io;
  asio::co_spawn(io, serve(tls), asio::detached);
  io.run();
}
