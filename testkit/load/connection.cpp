// SPDX-License-Identifier: Apache-2.0
#include "testkit/load/connection.hpp"

#include "testkit/coroutines/close_notify.hpp"
#include "testkit/coroutines/use_tuple.hpp"
#include "testkit/coroutines/waiting.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sstream>

namespace sluice::testkit {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> connect(asio::ip::tcp::socket& socket, const connection_settings& settings, error_code& ec) {
  auto [failed] = co_await socket.async_connect(settings.server, use_tuple);
  ec = failed;
}

failure with_place(const connection_settings& settings, failure error, phase at) {
  error.at = at;
  if (!error.where.empty()) return error;
  std::ostringstream place;
  place << settings.server;
  error.where = place.str();
  return error;
}

}  // namespace

asio::awaitable<opened_connection> open_connection(const connection_settings& settings, context tls) {
  using namespace asio::experimental::awaitable_operators;
  const auto executor = co_await asio::this_coro::executor;
  opened_connection made;
  asio::ip::tcp::socket socket(executor);
  error_code ec = make_error_code(errc::timed_out);
  co_await (connect(socket, settings, ec) || wait_for(settings.timeout));
  if (ec) {
    if (ec == asio::error::operation_aborted) ec = make_error_code(errc::timed_out);
    failure error;
    error.code = ec;
    made.error = with_place(settings, std::move(error), phase::connect);
    co_return made;
  }
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  tcp_stream s(std::move(socket), tls, settings.server_name);
  s.set_timeouts(settings.timeout, settings.timeout);
  auto [failed] = co_await s.async_handshake(use_tuple);
  if (failed) {
    made.error = with_place(settings, s.last_failure(), phase::handshake);
  } else {
    made.stream.emplace(std::move(s));
  }
  co_return made;
}

asio::awaitable<std::optional<failure>> close_connection(tcp_stream& s, std::chrono::nanoseconds timeout) {
  const auto ended = co_await exchange_close_notify(s, timeout);
  if (ended == errc::alert) co_return s.last_failure();
  error_code ignored;
  s.lowest_layer().set_option(asio::socket_base::linger(true, 0), ignored);
  co_return std::nullopt;
}

failure failure_of(const tcp_stream& s, error_code ec) {
  failure error = s.last_failure();
  error.code = ec;
  if (ec != asio::error::eof) return error;
  error.code = make_error_code(errc::connection_closed);
  error.from = origin::peer;
  error.detail = "it sent close_notify";
  return error;
}

}  // namespace sluice::testkit
