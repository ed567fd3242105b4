// SPDX-License-Identifier: Apache-2.0
#include "client/starttls/dialogue.hpp"

#include "terminal/failure.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
constexpr std::size_t longest_line = 8192;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

asio::awaitable<void> dialogue::send(std::string bytes) {
  co_await asio::async_write(socket_, asio::buffer(bytes), asio::use_awaitable);
}

asio::awaitable<void> dialogue::read_more() {
  std::array<char, 4096> buffer;
  const auto n = co_await socket_.async_read_some(asio::buffer(buffer), asio::use_awaitable);
  ahead_.append(buffer.data(), n);
}

asio::awaitable<std::string> dialogue::line() {
  auto end = ahead_.find('\n');
  while (end == ahead_.npos && ahead_.size() < longest_line) {
    co_await read_more();
    end = ahead_.find('\n');
  }
  if (end == ahead_.npos || end > longest_line) {
    refuse("it sends a line without an end: " + in_quotes(ahead_), "see what listens there");
  }
  auto said = ahead_.substr(0, end);
  ahead_.erase(0, end + 1);
  if (said.ends_with('\r')) said.pop_back();
  co_return said;
}

asio::awaitable<std::string> dialogue::bytes(std::size_t count) {
  while (ahead_.size() < count) co_await read_more();
  auto said = ahead_.substr(0, count);
  ahead_.erase(0, count);
  co_return said;
}

void dialogue::expect_silence() const {
  if (ahead_.empty()) return;
  give_up(errc::protocol_error, place_, "after the word to begin TLS it went on in the clear: " + in_quotes(ahead_),
          "trust nothing of it: somebody on the way may have added that");
}

void dialogue::refuse(const std::string& detail, const std::string& remedy) const {
  auto why = make_failure(errc::handshake_failed, place_, detail, remedy);
  why.from = origin::peer;
  throw error(std::move(why));
}

std::string in_quotes(std::string_view said) {
  std::string shown(said.substr(0, 200));
  std::ranges::replace_if(
      shown, [](char c) { return c < ' ' || c > '~'; }, '.');
  return '"' + shown + (said.size() > shown.size() ? "\"…" : "\"");
}

bool is_equal_text(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace sluice::tool
