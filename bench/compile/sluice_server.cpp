// SPDX-License-Identifier: Apache-2.0
// Hello TLS server on Sluice: what bench/compile-time compiles.
#include "sluice/asio.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> echo(sluice::tcp_stream s) {
  std::array<char, 4096> text;
  for (;;) {
    const auto n = co_await s.async_read_some(asio::buffer(text), asio::use_awaitable);
    co_await asio::async_write(s, asio::buffer(text, n), asio::use_awaitable);
  }
}

asio::awaitable<void> serve(sluice::context tls) {
  sluice::acceptor in(co_await asio::this_coro::executor, {tcp::v4(), 4433}, tls);
  for (;;) {
    auto s = co_await in.async_accept(asio::use_awaitable);
    auto executor = s.get_executor();
    asio::co_spawn(executor, echo(std::move(s)), asio::detached);
  }
}

int main() {
  sluice::server_options options;
  options.identities = {sluice::identity::from_pem_files("site.pem", "site.key").value()};
  asio::io_context io;
  asio::co_spawn(io, serve(sluice::context::server(options).value()), asio::detached);
  io.run();
}
