// SPDX-License-Identifier: Apache-2.0
#include "testkit/load/echo_load.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>

namespace sluice::testkit {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

std::string cause_name(const failure& error) {
  return error.code == wrong_echo().code && error.detail == wrong_echo().detail ? "wrong_echo" : code_name(error.code);
}

}  // namespace

echo_load::echo_load(asio::io_context& io, context tls, echo_settings settings)
    : load_share(io), tls_(std::move(tls)), settings_(std::move(settings)) {}

void echo_load::prepare() {
  for (std::size_t i = 0; i < settings_.connections; ++i) {
    ++preparing_;
    ++running_;
    asio::co_spawn(io_, work(i), [this](std::exception_ptr) { --running_; });
  }
}

void echo_load::begin(const load_window& when) {
  counts_.set_window(when, settings_.rate.has_value());
  gate_.cancel();
}

std::optional<std::uint64_t> echo_load::due_in_window() const {
  if (!settings_.rate) return std::nullopt;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < settings_.connections; ++i) {
    const auto plan = plan_of(i);
    sum += count_due(counts_.window(), [&plan](std::uint64_t number) { return plan.due(number); });
  }
  return sum;
}

asio::awaitable<void> echo_load::work(std::size_t place) {
  std::optional<tcp_stream> s;
  co_await connect(s);
  --preparing_;
  co_await wait_for_begin();
  if (settings_.rate) {
    co_await ping_by_the_clock(place, s);
  } else {
    co_await ping_without_rest(s);
  }
  if (s) co_await close_connection(*s, std::chrono::seconds(1));
}

asio::awaitable<void> echo_load::connect(std::optional<tcp_stream>& s) {
  auto made = co_await open_connection(settings_.connection, tls_);
  s = std::move(made.stream);
  if (made.error) counts_.broke(*made.error);
}

// Connection k begins k pings after the first.
ping_plan echo_load::plan_of(std::size_t place) const {
  const auto& when = counts_.window();
  const std::chrono::duration<double> step(1 / *settings_.rate);
  const auto in_clock = [](std::chrono::duration<double> time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time);
  };
  ping_plan plan{.start = when.began + in_clock(step * static_cast<double>(place)),
                 .period = in_clock(step * static_cast<double>(settings_.connections))};
  plan.size = settings_.size;
  plan.end = when.to > plan.start
                 ? static_cast<std::size_t>((when.to - plan.start - std::chrono::nanoseconds(1)) / plan.period) + 1
                 : 0;
  plan.give_up = when.to + settings_.connection.timeout;
  return plan;
}

asio::awaitable<void> echo_load::ping_by_the_clock(std::size_t place, std::optional<tcp_stream>& s) {
  auto plan = plan_of(place);
  const std::function<void(std::size_t)> on_echo = [&](std::size_t number) {
    counts_.succeeded(plan.due(number), clock_type::now(), 2 * settings_.size);
  };
  while (plan.first < plan.end && !is_stopped_ && clock_type::now() < plan.give_up) {
    if (!s) {
      co_await connect(s);
      if (!s) co_await rest();
      continue;
    }
    const auto run = co_await run_pings(*s, plan, on_echo);
    if (!run.error) co_return;  // all are back, or will not come
    const auto cause = cause_name(*run.error);
    for (auto i = run.answered; i < run.sent; ++i) counts_.failed(plan.due(i), *run.error, cause);
    if (run.answered == run.sent) counts_.broke(*run.error, cause);
    plan.first = run.sent;
    s.reset();
    co_await rest();
  }
}

asio::awaitable<void> echo_load::ping_without_rest(std::optional<tcp_stream>& s) {
  std::size_t number = 0;
  while (!is_stopped_) {
    const auto due = clock_type::now();
    if (due >= counts_.window().to) co_return;
    if (!s) {
      co_await connect(s);
      if (!s) co_await rest();
      continue;
    }
    const auto error = co_await ping_once(*s, number++, settings_.size);
    if (!error) {
      counts_.succeeded(due, clock_type::now(), 2 * settings_.size);
      continue;
    }
    counts_.failed(due, *error, cause_name(*error));
    s.reset();
    co_await rest();
  }
}

}  // namespace sluice::testkit
