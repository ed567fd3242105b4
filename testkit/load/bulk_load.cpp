// SPDX-License-Identifier: Apache-2.0
#include "testkit/load/bulk_load.hpp"

#include "testkit/coroutines/use_tuple.hpp"
#include "testkit/coroutines/waiting.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <exception>
#include <vector>

namespace sluice::testkit {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

failure stalled(bulk_direction direction) {
  failure error;
  error.code = make_error_code(errc::timed_out);
  error.detail = "a connection carried nothing";
  error.remedy = direction == bulk_direction::up     ? "the server must discard: `sluice serve --mode discard`"
                 : direction == bulk_direction::down ? "the server must send by itself: `sluice serve --mode source`"
                                                     : "the server must echo: `sluice serve --mode echo`";
  return error;
}

failure unwanted() {
  failure error;
  error.code = make_error_code(errc::protocol_error);
  error.detail = "the server sends, and does not only discard";
  error.remedy = "use `sluice serve --mode discard`, or --direction both with a server that echoes";
  return error;
}

}  // namespace

bulk_load::bulk_load(asio::io_context& io, context tls, bulk_settings settings)
    : load_share(io), tls_(std::move(tls)), settings_(std::move(settings)) {}

void bulk_load::prepare() {
  for (std::size_t i = 0; i < settings_.connections; ++i) {
    ++preparing_;
    ++running_;
    asio::co_spawn(io_, work(), [this](std::exception_ptr) { --running_; });
  }
}

void bulk_load::begin(const load_window& when) {
  counts_.set_window(when, false);
  gate_.cancel();
}

asio::awaitable<void> bulk_load::work() {
  auto made = co_await open_connection(settings_.connection, tls_);
  --preparing_;
  co_await wait_for_begin();
  carrier c;
  bool has_failed = false;
  while (!is_over()) {
    c.error = made.error;
    if (made.stream) co_await carry(*made.stream, c);
    if (!c.error) break;
    has_failed = true;
    counts_.broke(*c.error);
    made.stream.reset();
    co_await rest();
    if (!is_over()) made = co_await open_connection(settings_.connection, tls_);
  }
  if (!has_failed && is_stalled(c)) counts_.broke(stalled(settings_.direction));
  if (made.stream) co_await close_connection(*made.stream, std::chrono::seconds(1));
}

// Until the window ends, or something breaks.
asio::awaitable<void> bulk_load::carry(tcp_stream& s, carrier& c) {
  using namespace asio::experimental::awaitable_operators;
  const auto end = counts_.window().to;
  switch (settings_.direction) {
    case bulk_direction::up: co_await (write_chunks(s, c) || expect_nothing(s, c) || wait_until(end)); break;
    case bulk_direction::down: co_await (read_chunks(s, c) || wait_until(end)); break;
    case bulk_direction::both: co_await (write_chunks(s, c) || read_chunks(s, c) || wait_until(end)); break;
  }
}

asio::awaitable<void> bulk_load::write_chunks(tcp_stream& s, carrier& c) {
  const std::vector<char> chunk(bulk_settings::chunk, 'x');
  while (!is_over()) {
    const auto began = clock_type::now();
    auto [ec, n] = co_await asio::async_write(s, asio::buffer(chunk), use_tuple);
    if (ec) co_return c.end(s, ec);
    ++c.written;
    counts_.succeeded(began, clock_type::now(), n);
  }
}

asio::awaitable<void> bulk_load::read_chunks(tcp_stream& s, carrier& c) {
  std::vector<char> chunk(bulk_settings::chunk);
  while (!is_over()) {
    const auto began = clock_type::now();
    auto [ec, n] = co_await asio::async_read(s, asio::buffer(chunk), use_tuple);
    if (ec) co_return c.end(s, ec);
    ++c.read;
    counts_.succeeded(began, clock_type::now(), n);
  }
}

// Nothing came, or, where only we send, nothing went.
bool bulk_load::is_stalled(const carrier& c) const {
  return (settings_.direction == bulk_direction::up ? c.written : c.read) == 0;
}

// An end that only writes never learns that the other end is gone, or that its data is not read.
asio::awaitable<void> bulk_load::expect_nothing(tcp_stream& s, carrier& c) {
  std::array<char, 64> some;
  auto [ec, n] = co_await s.async_read_some(asio::buffer(some), use_tuple);
  if (ec) co_return c.end(s, ec);
  if (!c.error) c.error = unwanted();
}

// A cancellation is the other half's doing.
void bulk_load::carrier::end(const tcp_stream& s, error_code ec) {
  if (ec != asio::error::operation_aborted && !error) error = failure_of(s, ec);
}

}  // namespace sluice::testkit
