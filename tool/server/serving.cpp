// SPDX-License-Identifier: Apache-2.0
#include "server/serving.hpp"

#include "testkit/coroutines/use_tuple.hpp"
#include "server/http.hpp"
#include "server/sending.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <vector>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
constexpr std::size_t chunk = 65536;

// What a stopped coroutine awaits next must not throw: it still sends close_notify.
asio::awaitable<void> accept_stops() {
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  co_await asio::this_coro::throw_if_cancelled(false);
}

// Small while a client is quiet, large while it pours: ten thousand quiet ones fit.
class tide {
 public:
  asio::mutable_buffer room() { return asio::buffer(bytes_); }
  std::string_view filled(std::size_t n) const { return {bytes_.data(), n}; }
  // After the n bytes have been used.
  void turn(std::size_t n) {
    const auto wanted = n == bytes_.size() ? chunk : n < low ? low : bytes_.size();
    if (wanted != bytes_.size()) bytes_ = std::vector<char>(wanted);
  }

 private:
  static constexpr std::size_t low = 1024;
  std::vector<char> bytes_ = std::vector<char>(low);
};

asio::awaitable<void> echo(served_client& c) {
  tide buffer;
  while (!c.is_asked_to_stop) {
    auto [ec, n] = co_await c.s.async_read_some(buffer.room(), testkit::use_tuple);
    c.touch();
    if (ec) co_return;
    const bool is_sent = co_await send(c, buffer.filled(n));
    if (!is_sent) co_return;
    buffer.turn(n);
  }
}

asio::awaitable<void> discard(served_client& c) {
  co_await accept_stops();
  tide buffer;
  while (!c.is_asked_to_stop) {
    auto [ec, n] = co_await c.s.async_read_some(buffer.room(), testkit::use_tuple);
    c.touch();
    if (ec) co_return;
    buffer.turn(n);
  }
}

asio::awaitable<void> pour(served_client& c) {
  co_await accept_stops();
  std::string text;
  for (char letter = 0; text.size() < chunk; ++letter) text += static_cast<char>(' ' + letter % 95);
  while (!c.is_asked_to_stop) {
    const bool is_sent = co_await send(c, text);
    if (!is_sent) co_return;
  }
}

// Bytes without end, until the client ends. Only a read sees that end.
asio::awaitable<void> source(served_client& c) {
  using namespace asio::experimental::awaitable_operators;
  co_await (pour(c) || discard(c));
}

}  // namespace

std::optional<serve_mode> serve_mode_from(std::string_view text) {
  if (text == "echo") return serve_mode::echo;
  if (text == "http") return serve_mode::http;
  if (text == "discard") return serve_mode::discard;
  if (text == "source") return serve_mode::source;
  return std::nullopt;
}

asio::awaitable<void> serve_client(served_client& client, serve_mode mode, std::chrono::milliseconds timeout) {
  co_await accept_stops();
  if (client.fail != nullptr && client.fail->after == 0) co_return co_await strike(client);
  switch (mode) {
    case serve_mode::echo: co_await echo(client); break;
    case serve_mode::http: co_await answer_http(client, timeout); break;
    case serve_mode::discard: co_await discard(client); break;
    case serve_mode::source: co_await source(client); break;
  }
  if (client.is_failed) co_return;
  constexpr auto parting = std::chrono::seconds(2);
  client.s.set_timeouts(parting, parting);
  if (client.s.is_established()) co_await client.s.async_shutdown(testkit::use_tuple);
}

}  // namespace sluice::tool
