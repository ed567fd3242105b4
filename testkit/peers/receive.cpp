// SPDX-License-Identifier: Apache-2.0
// Our server, for one client of the lab's.
#include "testkit/peers/answer.hpp"
#include "testkit/peers/connection.hpp"

#include "sluice/error.hpp"
#include "testkit/coroutines/use_tuple.hpp"
#include "sluice/asio/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;

// Reads a request, then close_notify. Nothing: both came.
asio::awaitable<std::optional<failure>> receive_request(tcp_stream& s) {
  std::string got;
  std::array<char, 4096> buffer;
  bool is_answered = false;
  for (;;) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(buffer), use_tuple);
    got.append(buffer.data(), n);
    if (ec == asio::error::eof && is_answered) break;
    if (ec && ec != asio::error::eof) co_return s.last_failure();
    if (ec) {
      auto early = make_failure(errc::connection_closed, "", "it sent close_notify before its request was complete",
                                "see the client's log");
      early.from = origin::peer;
      co_return early;
    }
    if (is_answered || got.find("\r\n\r\n") == got.npos) continue;
    is_answered = true;
    auto [write_ec, written] = co_await asio::async_write(s, asio::buffer(page), use_tuple);
    if (write_ec) co_return s.last_failure();
  }
  co_return std::nullopt;
}

}  // namespace

asio::awaitable<outcome> receive(context tls, std::shared_ptr<tcp::acceptor> door, std::chrono::milliseconds limit) {
  using namespace asio::experimental::awaitable_operators;
  outcome seen;
  auto accepted = co_await door->async_accept(use_tuple);
  const auto began = std::chrono::steady_clock::now();
  if (std::get<0>(accepted)) {
    seen.error = make_failure(errc::internal, "", "no client connected");
    co_return seen;
  }
  auto& socket = std::get<1>(accepted);
  tcp_stream s(std::move(socket), tls, role::server);
  s.set_timeouts(limit, std::chrono::milliseconds(300));
  auto [handshake_ec] = co_await s.async_handshake(use_tuple);
  seen.took = std::chrono::steady_clock::now() - began;
  if (handshake_ec) {
    seen.error = s.last_failure();
    co_return seen;
  }
  auto received = co_await (receive_request(s) || pause(limit));
  if (received.index() == 0) {
    seen.error = std::get<0>(std::move(received));
  } else {
    seen.error = make_failure(errc::timed_out, "", "no request for " + std::to_string(limit.count()) + " ms");
  }
  if (!seen.error) co_await s.async_shutdown(use_tuple);
  co_return seen;
}

}  // namespace sluice::testkit::peers
