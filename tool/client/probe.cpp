// SPDX-License-Identifier: Apache-2.0
#include "client/probe.hpp"

#include "client/late_verdict.hpp"
#include "client/saved_chain.hpp"
#include "testkit/coroutines/close_notify.hpp"
#include "testkit/coroutines/connect_once.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

asio::awaitable<void> open_tcp(const client_plan& p, const route& way, opened_connection& made) {
  auto& r = made.report;
  const auto before = way.before_tls();
  if (!before) {
    r.error = before.error();
    co_return;
  }
  const bool has_proxy = way.proxy().has_value();
  const connect_options options{.timeout = p.timeout,
                                .server_name = p.server_name,
                                .early_data = p.early_data,
                                .prelude = before->get(),
                                .session_port = has_proxy ? port_number(p.to.port) : std::uint16_t{0}};
  const auto& first = way.first();
  auto connected = co_await testkit::connect_once(p.tls, first.host, first.port, options);
  r.take(std::move(connected.report));
  if (has_proxy) r.address.reset();
  if (connected.error) r.error = way.with_proxy_named(std::move(*connected.error));
  if (connected.stream) made.stream.emplace(std::move(*connected.stream));
}

asio::awaitable<void> open_local(const client_plan& p, const route& way, opened_connection& made) {
  auto& r = made.report;
  failure error;
  auto s = co_await connect_local(p.tls, way.to(), p.server_name, p.early_data, p.timeout, error);
  connect_report seen;
  seen.timings = s.timings();
  seen.unverified_certificates = s.unverified_certificates();
  seen.handshake = s.transcript();
  r.take(std::move(seen));
  if (error.code) {
    r.error = std::move(error);
  } else {
    made.stream.emplace(std::move(s));
  }
}

bool is_tls13(const connection_report& r) { return r.info && r.info->version == "TLSv1.3"; }

// How long a server may take to end the connection in answer to our close_notify. In TLS 1.3 its tickets and an alert
// come before that, once it has processed our Finished: one that is slow or far away was so in the handshake too.
std::chrono::nanoseconds close_timeout_for(const connection_report& r) {
  if (!is_tls13(r)) return std::chrono::milliseconds(300);
  return std::max<std::chrono::nanoseconds>(std::chrono::seconds(2), 4 * r.timings.handshake);
}

void add_failure(connection_report& r, std::optional<failure> error) {
  if (!error || r.error) return;
  error->where = r.to.text();
  r.error = std::move(error);
}

// False when the server has ended the connection.
asio::awaitable<bool> await_verdict(any_stream& s, connection_report& r) {
  const auto before = s.statistics().received.records;
  const auto ended = co_await first_record_or_end(s);
  r.is_certificate_unjudged = ended == asio::error::timed_out;
  if (!ended || r.is_certificate_unjudged) co_return true;
  add_failure(r, ended == errc::alert ? std::optional(s.last_failure()) : silent_refusal(r, s.statistics(), before));
  co_return false;
}

asio::awaitable<void> close(const client_plan& p, any_stream& s, connection_report& r) {
  if (is_judged_late(r)) {
    const bool goes_on = co_await await_verdict(s, r);
    if (!goes_on) co_return;
  }
  const auto timeout = p.close_timeout.value_or(close_timeout_for(r));
  const auto ended = co_await testkit::exchange_close_notify(s, timeout);
  const bool has_ended = ended != asio::error::operation_aborted && ended != asio::error::timed_out;
  r.may_send_more = is_tls13(r) && !has_ended;
  if (ended == errc::alert) add_failure(r, s.last_failure());
}

}  // namespace

asio::awaitable<opened_connection> open_connection(const client_plan& p) {
  opened_connection made;
  auto& r = made.report;
  r.to = p.to;
  r.server_name = p.server_name;
  r.is_verified = p.is_verified;
  r.policy = p.tls.policy().name;
  auto way = p.way;
  if (!p.address.empty()) way.aim_at(p.address);
  r.starttls = way.starttls();
  if (way.proxy()) r.proxy = way.proxy()->at.text();

  const auto began = clock_type::now();
  if (way.is_local()) {
    co_await open_local(p, way, made);
  } else {
    co_await open_tcp(p, way, made);
  }
  r.total = clock_type::now() - began;
  if (made.stream) {
    r.info = made.stream->info();
    if (auto verified = made.stream->verified_chain(); !verified.empty()) {
      r.chain = std::move(verified);
      r.is_chain_verified = true;
    }
    r.error = unmet_requirement(p.required, r);
  }
  if (!p.chain_file.empty()) save_chain(p.chain_file, r);
  co_return made;
}

asio::awaitable<connection_report> probe(const client_plan& p) {
  auto opened = co_await open_connection(p);
  if (opened.stream) co_await close(p, *opened.stream, opened.report);
  co_return std::move(opened.report);
}

}  // namespace sluice::tool
