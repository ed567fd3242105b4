// SPDX-License-Identifier: Apache-2.0
#include "testkit/load/handshake_load.hpp"

#include "testkit/coroutines/waiting.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>

namespace sluice::testkit {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

failure unmet(std::string detail, std::string remedy) {
  failure error;
  error.code = make_error_code(errc::requirement_not_met);
  error.detail = std::move(detail);
  error.remedy = std::move(remedy);
  return error;
}

}  // namespace

double load_result::per_second(clock_type::time_point from, clock_type::time_point to) const {
  const auto count = std::ranges::count_if(done, [&](clock_type::time_point t) { return t >= from && t < to; });
  const auto seconds = std::chrono::duration<double>(to - from).count();
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

handshake_load::handshake_load(asio::io_context& io, context tls, load_settings settings)
    : load_share(io),
      tls_(std::move(tls)),
      settings_(std::move(settings)),
      connection_{.server = settings_.server, .server_name = settings_.server_name, .timeout = settings_.timeout} {}

void handshake_load::prepare() {
  for (std::size_t i = 0; settings_.collects_tickets && i < settings_.clients; ++i) {
    ++preparing_;
    asio::co_spawn(io_, collect(), [this](std::exception_ptr) { --preparing_; });
  }
}

asio::awaitable<void> handshake_load::collect() {
  auto made = co_await open_connection(connection_, tls_);
  if (made.stream) co_await close_connection(*made.stream, settings_.timeout);
}

void handshake_load::start() {
  load_window always;
  always.began = clock_type::now();
  begin(always);
}

void handshake_load::begin(const load_window& when) {
  counts_.set_window(when, settings_.rate.has_value());
  for (std::size_t i = 0; i < settings_.clients; ++i) {
    ++running_;
    asio::co_spawn(io_, one_client(), [this](std::exception_ptr) { --running_; });
  }
}

asio::awaitable<void> handshake_load::one_client() {
  while (!is_stopped_) {
    const auto due = next_turn();
    if (due >= counts_.window().to) co_return;
    if (settings_.rate) co_await wait_until(due);
    if (!is_stopped_) co_await shake_hands(due);
  }
}

// Turns come by the clock; a late one begins at once, and was due nevertheless.
clock_type::time_point handshake_load::next_turn() { return settings_.rate ? turn(turns_++) : clock_type::now(); }

clock_type::time_point handshake_load::turn(std::uint64_t number) const {
  const std::chrono::duration<double> since(static_cast<double>(number) / *settings_.rate);
  return counts_.window().began + std::chrono::duration_cast<clock_type::duration>(since);
}

std::optional<std::uint64_t> handshake_load::due_in_window() const {
  if (!settings_.rate) return std::nullopt;
  return count_due(counts_.window(), [this](std::uint64_t number) { return turn(number); });
}

asio::awaitable<void> handshake_load::shake_hands(time_point due) {
  auto made = co_await open_connection(connection_, tls_);
  const auto done = clock_type::now();
  if (made.error) {
    if (is_stopped_ && !settings_.sends_close_notify) co_return;
    note_failure(due, *made.error, code_name(made.error->code));
    co_await rest();
    co_return;
  }
  auto& s = *made.stream;
  if (!settings_.sends_close_notify) co_return note_success(due, done, s.info());
  const auto info = s.info();
  const auto refused = co_await close_connection(s, settings_.timeout);
  if (!refused) co_return note_success(due, done, info);
  note_failure(due, *refused, code_name(refused->code));
  co_await rest();
}

void handshake_load::note_success(time_point due, time_point done, const connection_info& info) {
  if (settings_.needs_resumption && !info.resumed) {
    return note_failure(due, unmet("the session was not resumed", "see whether the server gives tickets out"),
                        "not_resumed");
  }
  if (settings_.needs_client_certificate && !info.client_certificate) {
    return note_failure(due, unmet("the server did not ask for our certificate", "have it ask, or drop --mtls"),
                        "no_client_certificate");
  }
  result_.done.push_back(done);
  counts_.succeeded(due, done);
}

void handshake_load::note_failure(time_point due, const failure& error, const std::string& cause) {
  if (result_.failed++ == 0) result_.first_failure = error;
  counts_.failed(due, error, cause);
}

}  // namespace sluice::testkit
