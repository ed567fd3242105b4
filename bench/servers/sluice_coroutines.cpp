// SPDX-License-Identifier: Apache-2.0
// Sluice's server with coroutines: does what coal does.
#include "servers/sluice_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace {

using bench::job;
namespace asio = boost::asio;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

asio::awaitable<bool> write(sluice::tcp_stream& s, std::span<const char> data) {
  auto [ec, size] = co_await asio::async_write(s, asio::buffer(data.data(), data.size()), use_tuple);
  co_return !ec;
}

asio::awaitable<bool> send(sluice::tcp_stream& s, job asked) {
  while (asked.bytes > 0) {
    const auto size = asked.next();
    if (!co_await write(s, bench::payload().first(size))) co_return false;
    asked.bytes -= size;
  }
  co_return true;
}

asio::awaitable<bool> receive(sluice::tcp_stream& s, job asked) {
  while (asked.bytes > 0) {
    auto [ec, size] = co_await s.async_read_some(asio::buffer(bench::payload().data(), asked.next()), use_tuple);
    if (ec) co_return false;
    asked.bytes -= size;
  }
  co_return co_await write(s, bench::payload().first(1));
}

asio::awaitable<void> serve(sluice::tcp_stream s) {
  std::array<char, bench::message_size> buffer;
  for (;;) {
    auto [ec, size] = co_await s.async_read_some(asio::buffer(buffer), use_tuple);
    if (ec) break;
    const std::span<const char> message(buffer.data(), size);
    bool is_done = false;
    if (const auto asked = job::in(message)) {
      is_done = asked->kind == job::download ? co_await send(s, *asked) : co_await receive(s, *asked);
    } else {
      // Not through write(): a coroutine more for each echo, which callbacks have no counterpart of.
      auto [failed, written] = co_await asio::async_write(s, asio::buffer(message.data(), size), use_tuple);
      is_done = !failed;
    }
    if (!is_done) co_return;
  }
  co_await s.async_shutdown_write(use_tuple);
}

asio::awaitable<void> accept_all(sluice::acceptor& in) {
  for (;;) {
    auto [ec, s] = co_await in.async_accept(use_tuple);
    if (ec) continue;
    auto executor = s.get_executor();
    asio::co_spawn(executor, serve(std::move(s)), asio::detached);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  asio::io_context io(1);
  auto in = bench::make_acceptor(io, bench::make_context(bench::server_settings(argc, argv)));
  asio::co_spawn(io, accept_all(in), asio::detached);
  io.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << argv[0] << ": " << error.what() << '\n';
  return 1;
}
