// SPDX-License-Identifier: Apache-2.0
// Peers in plaintext whose part is written down, and preludes run against them: over a socket, and in async_connect.
#pragma once

#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {

// The peer reads `request`, and then sends `answer`.
struct scripted_step {
  std::string request;
  std::string answer;
};
using script = std::vector<scripted_step>;

// The same script with another last answer.
inline script ending_with(script steps, std::string answer) {
  steps.back().answer = std::move(answer);
  return steps;
}

// `reached` is the number of requests that have arrived.
inline asio::awaitable<void> play(tcp::socket& socket, script steps, std::size_t& reached) {
  for (const auto& one : steps) {
    std::string request(one.request.size(), '\0');
    auto [ec, size] = co_await asio::async_read(socket, asio::buffer(request), use_tuple);
    if (ec) co_return;
    EXPECT_EQ(request, one.request);
    ++reached;
    co_await asio::async_write(socket, asio::buffer(one.answer), use_tuple);
  }
}

inline asio::awaitable<void> play_and_close(tcp::socket& socket, script steps, std::size_t& reached) {
  co_await play(socket, std::move(steps), reached);
  error_code ignored;  // the other end may be gone
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

// Awaits speak() by itself, and returns what it completed with; the peer ends the connection after the script.
inline failure speak(prelude& speaker, script steps) {
  asio::io_context io;
  auto sockets = join_sockets(io.get_executor());
  std::optional<failure> ended;
  std::size_t reached = 0;
  asio::co_spawn(io, speaker.speak(sockets.client), [&ended](const std::exception_ptr& thrown, failure error) {
    EXPECT_FALSE(thrown);
    ended = std::move(error);
  });
  spawn(io, play_and_close(sockets.server, std::move(steps), reached));
  EXPECT_TRUE(run_until(io, [&ended] { return ended.has_value(); }));
  sockets.client.close();
  run(io);
  return ended.value_or(failure());
}

// async_connect to a peer that follows its script and then expects TLS, as "localhost".
struct scripted_server {
  asio::io_context io;
  context client = client_context(), server = server_context();
  tcp::acceptor listener{io, loopback()};
  asio::cancellation_signal stop;
  std::size_t reached = 0;
  std::optional<tcp_stream> stream;
  error_code ec;

  std::string port() const { return std::to_string(listener.local_endpoint().port()); }

  asio::awaitable<void> serve(script steps) {
    auto socket = co_await listener.async_accept(asio::use_awaitable);
    co_await play(socket, std::move(steps), reached);
    tcp_stream s(std::move(socket), server, role::server);
    co_await s.async_handshake(use_tuple);
    co_await s.async_shutdown(use_tuple);
  }
  void start(prelude& speaker, script steps, connect_options options = {}) {
    spawn(io, serve(std::move(steps)));
    options.prelude = &speaker;
    options.server_name = "localhost";
    async_connect(io, client, "localhost", port(), options,
                  asio::bind_cancellation_slot(stop.slot(), [this](const error_code& e, tcp_stream s) {
                    ec = e;
                    stream.emplace(std::move(s));
                  }));
  }
  const failure& wait() {
    EXPECT_TRUE(run_until(io, [this] { return stream.has_value(); }));
    return stream->last_failure();
  }
};

}  // namespace sluice::test
