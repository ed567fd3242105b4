// SPDX-License-Identifier: Apache-2.0
#include "testkit/coroutines/close_notify.hpp"

#include "testkit/coroutines/use_tuple.hpp"
#include "testkit/coroutines/waiting.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <array>

namespace sluice::testkit {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> read_to_the_end(tcp_stream& s, error_code& ec) {
  std::array<char, 4096> rest;
  while (!ec) {
    auto [read_ec, n] = co_await s.async_read_some(asio::buffer(rest), use_tuple);
    ec = read_ec;
  }
}

}  // namespace

asio::awaitable<std::optional<failure>> exchange_close_notify(tcp_stream& s, std::chrono::nanoseconds timeout) {
  using namespace asio::experimental::awaitable_operators;
  s.set_timeouts(timeout, timeout);
  co_await s.async_shutdown_write(use_tuple);
  error_code ec;
  co_await (read_to_the_end(s, ec) || wait_for(timeout));
  if (ec != errc::alert) co_return std::nullopt;
  co_return s.last_failure();
}

}  // namespace sluice::testkit
