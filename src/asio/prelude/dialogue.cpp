// SPDX-License-Identifier: Apache-2.0
#include "asio/prelude/dialogue.hpp"

#include "asio/prelude.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t max_line = 8192;
constexpr std::size_t max_quoted = 200;

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

net::awaitable<void> dialogue::send(std::string bytes) {
  co_await net::async_write(socket_, net::buffer(bytes), net::use_awaitable);
}

net::awaitable<void> dialogue::send(std::string head, const secret& middle, std::string tail) {
  const std::array<net::const_buffer, 3> parts = {net::buffer(head), net::buffer(middle.view()), net::buffer(tail)};
  co_await net::async_write(socket_, parts, net::use_awaitable);
}

net::awaitable<std::string> dialogue::line() {
  std::string read;
  std::array<char, 1024> seen;
  while (!read.ends_with('\n')) {
    // Looks first and then takes: what follows the line is another protocol's.
    constexpr auto peek = net::socket_base::message_peek;
    const auto count = co_await socket_.async_receive(net::buffer(seen), peek, net::use_awaitable);
    const auto end = std::string_view(seen.data(), count).find('\n');
    const auto size = end == std::string_view::npos ? count : end + 1;
    co_await net::async_read(socket_, net::buffer(seen.data(), size), net::use_awaitable);
    read.append(seen.data(), size);
    if (read.size() > max_line) {
      throw_peer_failure("it sends a line without an end: " + in_quotes(read), "see what listens there");
    }
  }
  read.pop_back();
  if (read.ends_with('\r')) read.pop_back();
  co_return read;
}

net::awaitable<std::string> dialogue::bytes(std::size_t count) {
  std::string read(count, '\0');
  co_await net::async_read(socket_, net::buffer(read), net::use_awaitable);
  co_return read;
}

void dialogue::expect_silence() {
  if (socket_.available() == 0) return;
  std::array<char, max_quoted + 1> seen;
  const auto count = socket_.receive(net::buffer(seen), net::socket_base::message_peek);
  throw error(make_failure(
      errc::protocol_error, {},
      "it sent plaintext after the agreement to begin TLS: " + in_quotes(std::string_view(seen.data(), count)),
      "do not trust it: an attacker on the way may have added it"));
}

void throw_peer_failure(std::string_view detail, std::string_view remedy) {
  auto rejected = make_failure(errc::handshake_failed, {}, detail, remedy);
  rejected.from = origin::peer;
  throw error(std::move(rejected));
}

net::awaitable<failure> outcome_of(net::awaitable<void> part) {
  try {
    co_await std::move(part);
  } catch (...) {
    co_return failure_of(std::current_exception());
  }
  co_return failure();
}

std::string in_quotes(std::string_view text) {
  std::string shown(text.substr(0, max_quoted));
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, '.');
  return '"' + shown + (text.size() > shown.size() ? "\"…" : "\"");
}

bool is_equal_text(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower_case(x) == lower_case(y); });
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
