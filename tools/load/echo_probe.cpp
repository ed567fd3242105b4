// SPDX-License-Identifier: Apache-2.0
#include "load/echo_probe.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

// A ping is 32 bytes; their order is all that tells them apart, since a stream keeps it.
using ping = std::array<char, 32>;

// How long the last pings may take to come back before they count as lost.
constexpr auto grace = std::chrono::seconds(3);

struct schedule {
  clock_type::time_point start;
  std::chrono::nanoseconds period;
  std::size_t warm_up;
  std::size_t total;
  clock_type::time_point due(std::size_t i) const {
    return start + std::chrono::duration_cast<clock_type::duration>(period * static_cast<std::int64_t>(i));
  }
};

asio::awaitable<void> send_pings(tcp_stream& s, schedule plan) {
  asio::steady_timer timer(s.get_executor());
  const ping text{};
  for (std::size_t i = 0; i < plan.total; ++i) {
    timer.expires_at(plan.due(i));
    co_await timer.async_wait(use_tuple);
    auto [ec, n] = co_await asio::async_write(s, asio::buffer(text), use_tuple);
    if (ec) co_return;
  }
}

asio::awaitable<void> count_echoes(tcp_stream& s, schedule plan, probe_result& result) {
  ping text;
  for (std::size_t i = 0; i < plan.total; ++i) {
    auto [ec, n] = co_await asio::async_read(s, asio::buffer(text), use_tuple);
    if (ec) co_return;
    if (i < plan.warm_up) continue;
    result.echoes.add(clock_type::now() - plan.due(i));
  }
}

asio::awaitable<void> give_up_at(clock_type::time_point when) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, when);
  co_await timer.async_wait(use_tuple);
}

}  // namespace

asio::awaitable<probe_result> probe_echo(tcp_stream& s, const probe_settings& settings) {
  using namespace asio::experimental::awaitable_operators;
  const auto count = [&settings](std::chrono::nanoseconds time) {
    return static_cast<std::size_t>(time / settings.period);
  };
  schedule plan{.start = clock_type::now() + std::chrono::milliseconds(1),
                .period = settings.period,
                .warm_up = count(settings.warm_up),
                .total = 0};
  plan.total = plan.warm_up + count(settings.duration);
  probe_result result;
  result.began = plan.due(plan.warm_up);
  result.ended = plan.due(plan.total);
  co_await ((send_pings(s, plan) && count_echoes(s, plan, result)) || give_up_at(result.ended + grace));
  result.lost = plan.total - plan.warm_up - result.echoes.size();
  co_return result;
}

}  // namespace sluice::tool
