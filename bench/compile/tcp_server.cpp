// SPDX-License-Identifier: Apache-2.0
// Hello server on plain Boost.Asio, without TLS: what bench/compile-time compiles beside the other two.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> echo(tcp::socket s) {
  std::array<char, 4096> text;
  for (;;) {
    const auto n = co_await s.async_read_some(asio::buffer(text), asio::use_awaitable);
    co_await asio::async_write(s, asio::buffer(text, n), asio::use_awaitable);
  }
}

asio::awaitable<void> serve() {
  tcp::acceptor in(co_await asio::this_coro::executor, {tcp::v4(), 4433});
  for (;;) {
    auto s = co_await in.async_accept(asio::use_awaitable);
    auto executor = s.get_executor();
    asio::co_spawn(executor, echo(std::move(s)), asio::detached);
  }
}

int main() {
  asio::io_context io;
  asio::co_spawn(io, serve(), asio::detached);
  io.run();
}
