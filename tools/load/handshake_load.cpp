// SPDX-License-Identifier: Apache-2.0
#include "load/handshake_load.hpp"

#include "sluice/asio/stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

}  // namespace

double load_result::per_second(clock_type::time_point from, clock_type::time_point to) const {
  const auto count = std::ranges::count_if(done, [&](clock_type::time_point t) { return t >= from && t < to; });
  const auto seconds = std::chrono::duration<double>(to - from).count();
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

handshake_load::handshake_load(asio::io_context& io, context tls, load_settings settings)
    : io_(io), tls_(std::move(tls)), settings_(std::move(settings)) {}

void handshake_load::start() {
  began_ = clock_type::now();
  for (std::size_t i = 0; i < settings_.clients; ++i) {
    ++running_;
    asio::co_spawn(io_, one_client(), [this](std::exception_ptr) { --running_; });
  }
}

asio::awaitable<void> handshake_load::one_client() {
  while (!is_stopped_) {
    if (settings_.rate) co_await wait_for_turn();
    if (!is_stopped_) co_await shake_hands();
  }
}

// Turns come by the clock; who is late begins at once.
asio::awaitable<void> handshake_load::wait_for_turn() {
  const std::chrono::duration<double> since(static_cast<double>(turns_++) / *settings_.rate);
  asio::steady_timer timer(io_, began_ + std::chrono::duration_cast<clock_type::duration>(since));
  co_await timer.async_wait(use_tuple);
}

asio::awaitable<void> handshake_load::shake_hands() {
  asio::ip::tcp::socket socket(io_);
  auto [ec] = co_await socket.async_connect(settings_.server, use_tuple);
  failure why;
  if (!ec) {
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    tcp_stream s(std::move(socket), tls_, settings_.server_name);
    auto [failed] = co_await s.async_handshake(use_tuple);
    if (!failed) {
      result_.done.push_back(clock_type::now());
      co_return;
    }
    why = s.last_failure();
    ec = failed;
  }
  if (is_stopped_) co_return;
  why.code = ec;
  if (result_.failed++ == 0) result_.first_failure = why;
  // A server that refuses at once must not turn us into a busy loop.
  asio::steady_timer pause(io_, std::chrono::milliseconds(10));
  co_await pause.async_wait(use_tuple);
}

}  // namespace sluice::tool
