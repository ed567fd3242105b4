// SPDX-License-Identifier: Apache-2.0
#include "testkit/load/idle_load.hpp"

#include "testkit/coroutines/waiting.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>

namespace sluice::testkit {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

}  // namespace

idle_load::idle_load(asio::io_context& io, context tls, idle_settings settings)
    : load_share(io), tls_(std::move(tls)), settings_(std::move(settings)) {}

void idle_load::prepare() {
  load_window always;
  always.began = clock_type::now();
  counts_.set_window(always, true);
  for (std::size_t i = 0; i < std::min(settings_.openers, settings_.connections); ++i) {
    ++preparing_;
    asio::co_spawn(io_, open_some(), [this](std::exception_ptr) { --preparing_; });
  }
}

asio::awaitable<void> idle_load::open_some() {
  while (begun_ < settings_.connections && !is_stopped_) {
    const auto number = begun_++;
    auto due = clock_type::now();
    if (settings_.rate) {
      const std::chrono::duration<double> since(static_cast<double>(number) / *settings_.rate);
      due = counts_.window().began + std::chrono::duration_cast<clock_type::duration>(since);
      co_await wait_until(due);
    }
    auto made = co_await open_connection(settings_.connection, tls_);
    if (made.error) {
      counts_.failed(due, *made.error);
      continue;
    }
    counts_.succeeded(due, clock_type::now());
    all_.emplace_front(std::move(*made.stream));
    ++held_;
    ++running_;
    read(all_.begin());
  }
}

// No coroutine: its frame would be a good part of what an idle connection costs.
void idle_load::read(held_list::iterator place) {
  auto& one = *place;
  const auto done = [this, place](error_code ec, std::size_t) {
    if (is_stopped_) return exchange_close_notify(place);
    ec ? end(place, ec) : read(place);
  };
  one.s.async_read_some(asio::buffer(one.some), asio::bind_cancellation_slot(one.cancel.slot(), done));
}

void idle_load::end(held_list::iterator place, error_code ec) {
  counts_.broke(failure_of(place->s, ec));
  ++dropped_;
  --held_;
  forget(place);
}

// Posted: the caller is still inside an object that the connection owns.
void idle_load::forget(held_list::iterator place) {
  asio::post(io_, [this, place] {
    all_.erase(place);
    --running_;
  });
}

void idle_load::stop() {
  load_share::stop();
  for (auto& one : all_) one.cancel.emit(asio::cancellation_type::total);
}

void idle_load::exchange_close_notify(held_list::iterator place) {
  constexpr auto timeout = std::chrono::seconds(2);
  place->s.set_timeouts(timeout, timeout);
  place->s.async_shutdown([this, place](error_code) { forget(place); });
}

}  // namespace sluice::testkit
