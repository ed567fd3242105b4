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

asio::awaitable<void> connect(asio::ip::tcp::socket& socket, const dial_settings& settings, error_code& ec) {
  auto [failed] = co_await socket.async_connect(settings.server, use_tuple);
  ec = failed;
}

failure why_not(const dial_settings& settings, failure why, phase at) {
  why.at = at;
  if (!why.where.empty()) return why;
  std::ostringstream place;
  place << settings.server;
  why.where = place.str();
  return why;
}

}  // namespace

asio::awaitable<dial_outcome> dial_again(const dial_settings& settings, context tls) {
  using namespace asio::experimental::awaitable_operators;
  const auto executor = co_await asio::this_coro::executor;
  dial_outcome made;
  asio::ip::tcp::socket socket(executor);
  error_code ec = make_error_code(errc::timed_out);
  co_await (connect(socket, settings, ec) || wait_for(settings.limit));
  if (ec) {
    if (ec == asio::error::operation_aborted) ec = make_error_code(errc::timed_out);
    failure why;
    why.code = ec;
    made.why = why_not(settings, std::move(why), phase::connect);
    co_return made;
  }
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  tcp_stream s(std::move(socket), tls, settings.server_name);
  s.set_timeouts(settings.limit, settings.limit);
  auto [failed] = co_await s.async_handshake(use_tuple);
  if (failed) {
    made.why = why_not(settings, s.last_failure(), phase::handshake);
  } else {
    made.stream.emplace(std::move(s));
  }
  co_return made;
}

asio::awaitable<std::optional<failure>> hang_up(tcp_stream& s, std::chrono::nanoseconds limit) {
  auto why = co_await exchange_close_notify(s, limit);
  error_code ignored;
  if (!why) s.lowest_layer().set_option(asio::socket_base::linger(true, 0), ignored);
  co_return why;
}

failure story_of(const tcp_stream& s, error_code ec) {
  failure why = s.last_failure();
  why.code = ec;
  if (ec != asio::error::eof) return why;
  why.code = make_error_code(errc::connection_closed);
  why.from = origin::peer;
  why.detail = "it said goodbye";
  return why;
}

}  // namespace sluice::testkit
