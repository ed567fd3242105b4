// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/connection.hpp"

#include "sluice/error.hpp"
#include "testkit/peers/answer.hpp"

#include "testkit/coroutines/connect_once.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;

// What ended the reading: nothing when it was close_notify after the page.
asio::awaitable<std::optional<failure>> read_page(tcp_stream& s) {
  std::string got;
  std::array<char, 4096> buffer;
  for (;;) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(buffer), use_tuple);
    got.append(buffer.data(), n);
    if (!ec) continue;
    if (ec != asio::error::eof) co_return s.last_failure();
    if (got == page) break;
    auto cut = make_failure(errc::connection_closed, "", "it sent close_notify before it had answered",
                            "see the server's log: some servers send no alert when they refuse a client's certificate");
    cut.from = origin::peer;
    co_return cut;
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<failure>> ask(tcp_stream& s, std::string server_name, std::chrono::milliseconds limit) {
  using namespace asio::experimental::awaitable_operators;
  const auto request = "GET / HTTP/1.0\r\nHost: " + server_name + "\r\n\r\n";
  // Also where that fails: the peer may have sent an alert.
  co_await asio::async_write(s, asio::buffer(request), use_tuple);
  auto first = co_await (read_page(s) || pause(limit));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return make_failure(errc::timed_out, "", "no answer for " + std::to_string(limit.count()) + " ms");
}

}  // namespace

asio::awaitable<outcome> probe(context tls, tcp::endpoint at, std::string server_name,
                               std::chrono::milliseconds limit) {
  outcome seen;
  const connect_options options{.timeout = limit, .server_name = server_name};
  auto connected = co_await connect_once(tls, at, options);
  seen.took = connected.took;
  seen.error = std::move(connected.error);
  if (!connected.stream) co_return seen;
  auto& s = *connected.stream;
  s.set_timeouts(limit, std::chrono::milliseconds(300));
  seen.error = co_await ask(s, server_name, limit);
  if (!seen.error) co_await s.async_shutdown(use_tuple);
  co_return seen;
}

}  // namespace sluice::testkit::peers
