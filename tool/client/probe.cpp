// SPDX-License-Identifier: Apache-2.0
#include "client/probe.hpp"

#include "client/late_verdict.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

bool is_tls13(const connection_report& r) { return r.info && r.info->version == "TLSv1.3"; }

// How long a server may take to end the connection in answer to our goodbye. Its tickets and an alert come before that
// in TLS 1.3, when it has got round to our Finished: one that is slow or far away was so in the handshake too.
std::chrono::nanoseconds patience_with(const connection_report& r) {
  if (!is_tls13(r)) return std::chrono::milliseconds(300);
  return std::max<std::chrono::nanoseconds>(std::chrono::seconds(2), 4 * r.timings.handshake);
}

// False when the server has ended the connection.
asio::awaitable<bool> await_verdict(dialled& d) {
  auto& s = *d.stream;
  auto& r = d.report;
  const auto before = s.statistics().received.records;
  const auto heard = co_await first_word(s);
  r.is_certificate_unjudged = heard == asio::error::timed_out;
  if (!heard || r.is_certificate_unjudged) co_return true;
  auto why = heard == errc::alert ? std::optional(s.last_failure()) : unsaid_refusal(r, s.statistics(), before);
  if (!why || r.why) co_return false;
  why->where = r.to.text();
  r.why = std::move(why);
  co_return false;
}

// In TLS 1.3 a client is done before the server has judged the client's certificate, and before it gives tickets: an
// alert or tickets may still come, in answer to our goodbye at the latest, or from a server that is gone already.
asio::awaitable<void> part(dialled& d) {
  auto& s = *d.stream;
  if (is_judged_late(d.report)) {
    const bool goes_on = co_await await_verdict(d);
    if (!goes_on) co_return;
  }
  const auto timeout = patience_with(d.report);
  s.set_timeouts(timeout, timeout);
  co_await s.async_shutdown_write(testkit::use_tuple);
  // The timer may have ended, and not been told, when this is over: what it stops is its own.
  const auto stop = std::make_shared<asio::cancellation_signal>();
  asio::steady_timer timer(s.get_executor(), timeout);
  timer.async_wait([stop](const error_code& ec) {
    if (!ec) stop->emit(asio::cancellation_type::terminal);
  });
  error_code ec;
  std::array<char, 4096> rest;
  while (!ec) {
    auto token = asio::bind_cancellation_slot(stop->slot(), testkit::use_tuple);
    auto [read_ec, n] = co_await s.async_read_some(asio::buffer(rest), token);
    ec = read_ec;
  }
  const bool is_over = ec != asio::error::operation_aborted && ec != asio::error::timed_out;
  d.report.may_say_more = is_tls13(d.report) && !is_over;
  if (ec != errc::alert || d.report.why) co_return;
  d.report.why = s.last_failure();
  d.report.why->where = d.report.to.text();
}

}  // namespace

asio::awaitable<connection_report> visit(const client_verb_options& options, const client_plan& plan) {
  auto d = co_await dial(options, plan);
  if (d.stream) co_await part(d);
  co_return std::move(d.report);
}

}  // namespace sluice::tool
