// SPDX-License-Identifier: Apache-2.0
#include "testkit/load/echo_probe.hpp"

#include "testkit/load/connection.hpp"
#include "testkit/coroutines/use_tuple.hpp"
#include "testkit/coroutines/waiting.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

namespace sluice::testkit {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

// How long the last pings of a probe may take to come back before they count as lost.
constexpr auto grace = std::chrono::seconds(3);

// A ping begins with its number, so that an answer that is no echo is noticed.
void write_number(std::vector<char>& ping, std::uint64_t number) { std::memcpy(ping.data(), &number, sizeof number); }
bool has_number(const std::vector<char>& ping, std::uint64_t number) {
  return std::memcmp(ping.data(), &number, sizeof number) == 0;
}
std::vector<char> make_ping(std::size_t size) { return std::vector<char>(std::max(size, sizeof(std::uint64_t))); }

// Never ends by itself: the reader reports what is wrong with the connection.
asio::awaitable<void> send_pings(tcp_stream& s, ping_plan plan, ping_outcome& made) {
  asio::steady_timer timer(s.get_executor());
  auto ping = make_ping(plan.size);
  for (std::size_t i = plan.first; i < plan.end; ++i) {
    timer.expires_at(plan.due(i));
    co_await timer.async_wait(use_tuple);
    write_number(ping, i);
    made.sent = i + 1;
    auto [ec, n] = co_await asio::async_write(s, asio::buffer(ping), use_tuple);
    if (ec) break;
  }
  co_await wait_until(clock_type::time_point::max());
}

asio::awaitable<void> count_echoes(tcp_stream& s, ping_plan plan, ping_outcome& made,
                                   const std::function<void(std::size_t)>& on_echo) {
  auto ping = make_ping(plan.size);
  while (made.answered < plan.end) {
    auto [ec, n] = co_await asio::async_read(s, asio::buffer(ping), use_tuple);
    if (ec && ec != asio::error::operation_aborted) made.error = failure_of(s, ec);
    if (!ec && !has_number(ping, made.answered)) made.error = wrong_echo();
    if (ec || made.error) co_return;
    on_echo(made.answered++);
  }
}

}  // namespace

failure wrong_echo() {
  failure error;
  error.code = make_error_code(errc::protocol_error);
  error.detail = "what came back is not what was sent";
  error.remedy = "the server must echo: `sluice serve --mode echo`";
  return error;
}

asio::awaitable<ping_outcome> run_pings(tcp_stream& s, ping_plan plan,
                                        std::function<void(std::size_t number)> on_echo) {
  using namespace asio::experimental::awaitable_operators;
  ping_outcome made{.sent = plan.first, .answered = plan.first, .error = {}};
  co_await (count_echoes(s, plan, made, on_echo) || send_pings(s, plan, made) || wait_until(plan.give_up));
  co_return made;
}

asio::awaitable<std::optional<failure>> ping_once(tcp_stream& s, std::size_t number, std::size_t size) {
  auto ping = make_ping(size);
  write_number(ping, number);
  auto [failed, written] = co_await asio::async_write(s, asio::buffer(ping), use_tuple);
  if (failed) co_return failure_of(s, failed);
  write_number(ping, ~number);
  auto [ec, n] = co_await asio::async_read(s, asio::buffer(ping), use_tuple);
  if (ec) co_return failure_of(s, ec);
  if (!has_number(ping, number)) co_return wrong_echo();
  co_return std::nullopt;
}

asio::awaitable<probe_result> probe_echo(tcp_stream& s, const probe_settings& settings) {
  const auto count = [&settings](std::chrono::nanoseconds time) {
    return static_cast<std::size_t>(time / settings.period);
  };
  const auto warm_up = count(settings.warm_up);
  ping_plan plan{.start = clock_type::now() + std::chrono::milliseconds(1), .period = settings.period};
  plan.end = warm_up + count(settings.duration);
  probe_result result;
  result.began = plan.due(warm_up);
  result.ended = plan.due(plan.end);
  plan.give_up = result.ended + grace;
  const std::function<void(std::size_t)> on_echo = [&](std::size_t number) {
    if (number >= warm_up) result.echoes.add(clock_type::now() - plan.due(number));
  };
  co_await run_pings(s, plan, on_echo);
  result.lost = plan.end - warm_up - result.echoes.size();
  co_return result;
}

}  // namespace sluice::testkit
