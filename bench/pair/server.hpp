// SPDX-License-Identifier: Apache-2.0
// The server's half of every workload, the same code for both libraries. `Side` is the library.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

namespace bench {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t chunk = 65536;  // of a bulk write, and of the buffer of a bulk read

// What a client wants of the connection: its first byte.
enum class wish : char { one_byte = 'b', pour = 'p', both_ways = 'w', echo = 'e', wait = 'i' };

template <class Stream>
asio::awaitable<void> pour(Stream& s, std::size_t bytes) {
  std::vector<char> text(chunk, 'x');
  for (std::size_t done = 0; done < bytes; done += chunk) {
    auto [ec, n] = co_await asio::async_write(s, asio::buffer(text), use_tuple);
    if (ec) co_return;
  }
}

template <class Stream>
asio::awaitable<void> swallow(Stream& s, std::size_t bytes) {
  std::vector<char> buffer(chunk);
  for (std::size_t done = 0; done < bytes;) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(buffer), use_tuple);
    if (ec) co_return;
    done += n;
  }
}

template <class Side>
class server {
 public:
  using stream = typename Side::stream;

  server(asio::io_context& io, Side& side)
      : io_(io), side_(side), acceptor_(io, {asio::ip::address_v4::loopback(), 0}, true) {
    acceptor_.listen(4096);
    asio::co_spawn(io_, accept_all(), asio::detached);
  }

  tcp::endpoint address() const { return acceptor_.local_endpoint(); }
  std::size_t clients() const noexcept { return clients_; }
  void set_bulk(std::size_t bytes) noexcept { bulk_ = bytes; }

 private:
  asio::awaitable<void> accept_all() {
    for (;;) {
      auto [ec, socket] = co_await acceptor_.async_accept(use_tuple);
      if (ec) co_return;
      socket.set_option(tcp::no_delay(true));
      ++clients_;
      asio::co_spawn(io_, serve(std::move(socket)), [this](std::exception_ptr) { --clients_; });
    }
  }

  asio::awaitable<void> serve(tcp::socket socket) {
    auto s = side_.make_server(std::move(socket));
    const auto failed = co_await side_.shake_as_server(s);
    if (failed) co_return;
    std::array<char, 1024> small;
    auto [ec, n] = co_await s.async_read_some(asio::buffer(small, 1), use_tuple);
    if (!ec) co_await grant(s, static_cast<wish>(small[0]));
    // The client ends it.
    co_await s.async_read_some(asio::buffer(small), use_tuple);
  }

  asio::awaitable<void> grant(stream& s, wish w) {
    using namespace asio::experimental::awaitable_operators;
    switch (w) {
      case wish::one_byte: {
        const char one = 'x';
        co_await asio::async_write(s, asio::buffer(&one, 1), use_tuple);
        break;
      }
      case wish::pour: co_await pour(s, bulk_); break;
      case wish::both_ways: co_await (pour(s, bulk_) && swallow(s, bulk_)); break;
      case wish::echo: co_await echo(s); break;
      case wish::wait: break;
    }
  }

  asio::awaitable<void> echo(stream& s) {
    std::array<char, 1024> text;
    for (;;) {
      auto [ec, n] = co_await s.async_read_some(asio::buffer(text), use_tuple);
      if (ec) co_return;
      auto [failed, sent] = co_await asio::async_write(s, asio::buffer(text, n), use_tuple);
      if (failed) co_return;
    }
  }

  asio::io_context& io_;
  Side& side_;
  tcp::acceptor acceptor_;
  std::atomic<std::size_t> clients_ = 0;
  std::atomic<std::size_t> bulk_ = 0;
};

}  // namespace bench
