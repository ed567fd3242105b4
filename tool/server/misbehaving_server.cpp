// SPDX-License-Identifier: Apache-2.0
// The server's own way of accepting, for `--fail`: some clients never get their handshake.
#include "server/server.hpp"

#include "terminal/failure.hpp"
#include "terminal/values.hpp"
#include "testkit/peers/records.hpp"
#include "testkit/coroutines/use_tuple.hpp"
#include "server/sending.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

// The first record of the client, which is its ClientHello or the beginning of it. False when it left instead.
asio::awaitable<bool> read_first_record(tcp::socket& socket) {
  std::array<unsigned char, 5> header;
  auto [ec, n] = co_await asio::async_read(socket, asio::buffer(header), testkit::use_tuple);
  if (ec) co_return false;
  std::vector<char> body(header[3] * 256u + header[4]);
  auto [failed, m] = co_await asio::async_read(socket, asio::buffer(body), testkit::use_tuple);
  co_return !failed;
}

}  // namespace

asio::awaitable<void> server::accept_unruly() {
  asio::steady_timer pause(io_);
  for (std::uint64_t number = 1; !is_closing_;) {
    if (clients_.size() >= settings_.max_clients) {
      co_await room_.async_wait(testkit::use_tuple);
      continue;
    }
    auto outcome = co_await unruly_->async_accept(testkit::use_tuple);
    if (is_closing_) co_return;
    if (const auto ec = std::get<0>(outcome); ec) {
      failure error;
      error.code = ec;
      error.where = to_text(address());
      events_.on_trouble(error);
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(testkit::use_tuple);
      continue;
    }
    asio::co_spawn(io_, meet(std::move(std::get<1>(outcome)), number++), asio::detached);
  }
}

asio::awaitable<void> server::meet(tcp::socket socket, std::uint64_t number) {
  const auto& fail = *settings_.fail;
  const bool is_chosen = fail.strikes(number);
  if (is_chosen && fail.delay.count() > 0) {
    asio::steady_timer pause(io_, fail.delay);
    co_await pause.async_wait(testkit::use_tuple);
  }
  if (is_chosen && fail.handshake) co_return co_await fail_handshake(socket);
  boost::system::error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  socket.set_option(tcp::no_delay(true), ec);
  tcp_stream s(std::move(socket), tls_, role::server);
  s.set_timeouts(settings_.timeout, settings_.timeout);
  auto [failed] = co_await s.async_handshake(testkit::use_tuple);
  if (is_closing_) co_return;
  if (failed) co_return count({.peer = peer, .error = &s.last_failure()});
  serve(std::move(s), is_chosen ? &fail : nullptr);
}

asio::awaitable<void> server::fail_handshake(tcp::socket& socket) {
  const auto& fail = *settings_.fail;
  boost::system::error_code ec;
  const auto peer = socket.remote_endpoint(ec);
  const bool is_there = co_await read_first_record(socket);
  if (is_closing_) co_return;
  const auto where = ec ? std::string("a client") : to_text(peer);
  const auto error = is_there ? make_failure(errc::handshake_failed, where, "on purpose: --fail " + fail.text)
                              : make_failure(errc::connection_closed, where, "before its first message was whole");
  count({.peer = peer, .error = &error});
  if (!is_there) co_return;
  if (fail.alert) {
    const auto record = testkit::peers::alert(*fail.alert);
    co_await asio::async_write(socket, asio::buffer(record), testkit::use_tuple);
  }
  const std::function<bool()> is_asked = [this] { return is_closing_; };
  co_await end_as_told(socket, *fail.handshake, is_asked);
}

}  // namespace sluice::tool
