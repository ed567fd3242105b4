// SPDX-License-Identifier: Apache-2.0
#include "net/serving.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <fmt/format.h>

#include <array>
#include <vector>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t chunk = 65536;

// What a stopped coroutine awaits next must not throw: it still says goodbye.
asio::awaitable<void> accept_stops() {
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  co_await asio::this_coro::throw_if_cancelled(false);
}

asio::awaitable<bool> send(served_client& c, std::string_view text) {
  auto [ec, n] = co_await asio::async_write(c.s, asio::buffer(text), use_tuple);
  c.touch();
  co_return !ec;
}

asio::awaitable<void> echo(served_client& c) {
  std::vector<char> buffer(chunk);
  while (!c.is_asked_to_stop) {
    auto [ec, n] = co_await c.s.async_read_some(asio::buffer(buffer), use_tuple);
    c.touch();
    if (ec) co_return;
    const bool is_sent = co_await send(c, {buffer.data(), n});
    if (!is_sent) co_return;
  }
}

asio::awaitable<void> discard(served_client& c) {
  co_await accept_stops();
  std::vector<char> buffer(chunk);
  while (!c.is_asked_to_stop) {
    auto [ec, n] = co_await c.s.async_read_some(asio::buffer(buffer), use_tuple);
    c.touch();
    if (ec) co_return;
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

// Bytes without end, until the client ends: which is only seen by who reads.
asio::awaitable<void> source(served_client& c) {
  using namespace asio::experimental::awaitable_operators;
  co_await (pour(c) || discard(c));
}

// One request, one answer. Nothing of the request matters but its end.
asio::awaitable<void> http(served_client& c) {
  constexpr std::size_t longest = 16384;
  std::string head;
  std::array<char, 4096> buffer;
  while (head.find("\r\n\r\n") == head.npos && head.size() < longest) {
    auto [ec, n] = co_await c.s.async_read_some(asio::buffer(buffer), use_tuple);
    c.touch();
    if (ec) co_return;
    head.append(buffer.data(), n);
  }
  const bool is_whole = head.find("\r\n\r\n") != head.npos;
  const auto body = is_whole ? c.page : std::string("{\"error\":\"the request's head is too long\"}\n");
  auto answer = fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\nCache-Control: "
      "no-store\r\n\r\n",
      is_whole ? "200 OK" : "431 Request Header Fields Too Large", body.size());
  if (!head.starts_with("HEAD ")) answer += body;
  co_await send(c, answer);
}

}  // namespace

std::optional<serve_mode> serve_mode_from(std::string_view text) {
  if (text == "echo") return serve_mode::echo;
  if (text == "http") return serve_mode::http;
  if (text == "discard") return serve_mode::discard;
  if (text == "source") return serve_mode::source;
  return std::nullopt;
}

asio::awaitable<void> serve_client(served_client& client, serve_mode mode) {
  co_await accept_stops();
  switch (mode) {
    case serve_mode::echo: co_await echo(client); break;
    case serve_mode::http: co_await http(client); break;
    case serve_mode::discard: co_await discard(client); break;
    case serve_mode::source: co_await source(client); break;
  }
  constexpr auto patience = std::chrono::seconds(2);
  client.s.set_timeouts(patience, patience);
  if (client.s.is_established()) co_await client.s.async_shutdown(use_tuple);
}

}  // namespace sluice::tool
