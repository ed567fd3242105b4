// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/answer.hpp"

#include "testkit/coroutines/use_tuple.hpp"
#include "sluice/asio/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;

}  // namespace

const std::string page =
    "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nConnection: close\r\n\r\nfrom the lab\n";

asio::awaitable<void> answer(tcp::socket socket, context tls) {
  tcp_stream s(std::move(socket), tls, role::server);
  judgement any = [](const tcp_stream&) { return true; };
  co_await answer_if(s, std::move(any));
}

asio::awaitable<void> answer_if(tcp_stream& s, judgement is_as_it_should_be) {
  auto [handshake_ec] = co_await s.async_handshake(use_tuple);
  if (handshake_ec || !is_as_it_should_be(s)) co_return;
  std::array<char, 4096> request;
  auto [read_ec, n] = co_await s.async_read_some(asio::buffer(request), use_tuple);
  if (!read_ec) {
    auto [write_ec, written] = co_await asio::async_write(s, asio::buffer(page), use_tuple);
    if (write_ec) co_return;
  }
  co_await s.async_shutdown(use_tuple);
}

asio::awaitable<std::string> read_some(tcp::socket& socket) {
  std::string bytes(16384, '\0');
  auto [ec, n] = co_await socket.async_read_some(asio::buffer(bytes), use_tuple);
  bytes.resize(ec ? 0 : n);
  co_return bytes;
}

asio::awaitable<bool> write_all(tcp::socket& socket, std::string bytes) {
  auto [ec, n] = co_await asio::async_write(socket, asio::buffer(bytes), use_tuple);
  co_return !ec;
}

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(use_tuple);
}

asio::awaitable<void> wait_for_end(tcp::socket& socket) {
  for (;;) {
    const auto bytes = co_await read_some(socket);
    if (bytes.empty()) co_return;
  }
}

}  // namespace sluice::testkit::peers
