// SPDX-License-Identifier: Apache-2.0
#include "client/late_verdict.hpp"

#include "terminal/failure.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using clock_type = asio::steady_timer::clock_type;
constexpr auto timeout = std::chrono::seconds(1);
constexpr auto interval = std::chrono::milliseconds(20);  // tickets end no read: the count of records shows them

}  // namespace

bool is_judged_late(const connection_report& r) {
  return r.info && r.info->version == "TLSv1.3" && !r.info->resumed && r.seen.request.has_value();
}

asio::awaitable<error_code> first_record_or_end(any_stream& s) {
  const auto before = s.statistics().received.records;
  const auto until = clock_type::now() + timeout;
  std::array<char, 4096> some;
  for (;;) {
    const auto stop = std::make_shared<asio::cancellation_signal>();
    asio::steady_timer timer(s.get_executor(), interval);
    timer.async_wait([stop](const error_code& ec) {
      if (!ec) stop->emit(asio::cancellation_type::terminal);
    });
    auto token = asio::bind_cancellation_slot(stop->slot(), testkit::use_tuple);
    auto [ec, n] = co_await s.async_read_some(asio::buffer(some), token);
    if (ec != asio::error::operation_aborted) co_return ec;
    if (s.statistics().received.records > before) co_return error_code();
    if (clock_type::now() >= until) co_return asio::error::timed_out;
  }
}

std::optional<failure> silent_refusal(const connection_report& r, const connection_statistics& counted,
                                      std::uint64_t before) {
  const bool has_sent = counted.received.bytes > 0 || counted.received.records > before + 1;
  if (!is_judged_late(r) || has_sent) return std::nullopt;
  const bool was_sent = r.info->client_certificate;
  auto error = make_failure(errc::connection_closed, r.to.text(),
                            "it asked for a client certificate and ended the connection without sending anything",
                            was_sent ? "see the server's log: it may have refused our certificate"
                                     : "give a certificate (--cert, --key): it may have refused us for want of one");
  error.at = phase::read;
  error.from = origin::peer;
  return error;
}

}  // namespace sluice::tool
