// SPDX-License-Identifier: Apache-2.0
// async_connect tries again when it was asked to and when that may help, within its time and until it is cancelled.
#include "e2e/names.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>

namespace sluice::test {
namespace {

// What it does to its clients, one after the other; the last goes for all that follow.
class moody_server {
 public:
  enum class mood { resets, hangs_up, hangs_up_late, is_silent, serves };

  moody_server(asio::io_context& io, context tls, std::deque<mood> moods)
      : listener_(io, loopback()), tls_(std::move(tls)), moods_(std::move(moods)) {
    accept();
  }
  unsigned short port() const { return listener_.local_endpoint().port(); }
  int accepted() const { return accepted_; }

 private:
  void accept() {
    listener_.async_accept([this](const error_code& ec, tcp::socket s) {
      if (ec) return;
      ++accepted_;
      treat(std::move(s));
      if (moods_.size() > 1) moods_.pop_front();
      accept();
    });
  }
  void treat(tcp::socket s) {
    if (moods_.front() == mood::serves) {
      auto& made = streams_.emplace_back(std::move(s), tls_, role::server);
      return made.async_handshake([](const error_code&) {});
    }
    auto& kept = sockets_.emplace_back(std::move(s));
    if (moods_.front() == mood::is_silent) return;
    if (moods_.front() == mood::resets) {
      kept.set_option(asio::socket_base::linger(true, 0));
      return kept.close();
    }
    // Once the ClientHello is here: unread bytes would turn the close into a reset.
    const bool speaks = moods_.front() == mood::hangs_up_late;
    kept.async_read_some(asio::buffer(hello_), [&kept, speaks](const error_code&, std::size_t) {
      static constexpr std::string_view begun("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11);  // a ServerHello
      if (speaks) asio::write(kept, asio::buffer(begun));
      kept.shutdown(tcp::socket::shutdown_send);
    });
  }

  tcp::acceptor listener_;
  context tls_;
  std::deque<mood> moods_;
  std::array<char, 16384> hello_;
  std::list<tcp::socket> sockets_;
  std::list<tcp_stream> streams_;
  int accepted_ = 0;
};
using enum moody_server::mood;

// Says when it is asked, which is when a wait begins.
class watched_source final : public random_source {
 public:
  std::uint64_t next() noexcept override {
    ++asked;
    return UINT64_MAX;
  }
  int asked = 0;
};

struct connect_retry : ::testing::Test {
  asio::io_context io;
  context tls = client_context({.blinding = blinding::off()});
  asio::cancellation_signal stop;
  connect_report report;
  retry_bucket bucket;
  watched_source random;
  std::optional<tcp_stream> stream;
  error_code ec;
  clock_type::time_point began;
  retry_options quick{.retries = 4, .initial_delay = 1ms, .jitter = jitter::none, .bucket = &bucket};

  void start(const std::string& host, unsigned short port, const retry_options& retry,
             std::chrono::nanoseconds timeout = 30s) {
    began = clock_type::now();
    stream.reset();
    async_connect(io, tls, host, std::to_string(port), {.timeout = timeout, .report = &report, .retry = retry},
                  asio::bind_cancellation_slot(stop.slot(), [this](const error_code& e, tcp_stream s) {
                    ec = e;
                    stream.emplace(std::move(s));
                  }));
  }
  const error_code& wait() {
    EXPECT_TRUE(run_until(io, [this] { return stream.has_value(); }));
    return ec;
  }
  const error_code& to(const moody_server& server, const retry_options& retry, std::chrono::nanoseconds timeout = 30s) {
    start("localhost", server.port(), retry, timeout);
    return wait();
  }
  const failure& why() const { return stream->last_failure(); }
  auto elapsed() const { return clock_type::now() - began; }
};

TEST_F(connect_retry, survives_two_resets) {
  const fake_name name("localhost", {"127.0.0.1"});
  moody_server server(io, server_context(), {resets, resets, serves});
  ASSERT_FALSE(to(server, quick)) << why().message();
  EXPECT_TRUE(stream->is_established());
  EXPECT_FALSE(why().code);
  EXPECT_EQ(server.accepted(), 3);
  EXPECT_EQ(report.tries, 3u);
  EXPECT_EQ(report.waited, 3ms) << "1 and 2";
  ASSERT_EQ(report.attempts.size(), 3u) << "an address a try";
  EXPECT_GE(report.attempts[2].began - report.attempts[0].began, 3ms) << "on one time line";
  EXPECT_EQ(report.timings.handshake, stream->timings().handshake);
  EXPECT_LE(report.timings.resolve + report.timings.connect, elapsed() - 3ms) << "of the last try alone";
  EXPECT_EQ(bucket.left(), 490u) << "two retries cost 10 each, success gives one back";
}

TEST_F(connect_retry, is_off_unless_asked_for) {
  moody_server server(io, server_context(), {resets, serves});
  EXPECT_EQ(to(server, connect_options{}.retry), errc::connection_reset);
  EXPECT_EQ(report.tries, 1u);
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(connect_retry, ends_with_the_last_error_when_none_are_left) {
  const fake_name name("localhost", {"127.0.0.1"});
  tcp::acceptor unused(io, loopback());
  const auto port = unused.local_endpoint().port();
  unused.close();
  start("localhost", port, {.retries = 2, .initial_delay = 1ms, .jitter = jitter::none, .bucket = &bucket});
  EXPECT_EQ(wait(), errc::connection_refused);
  EXPECT_EQ(report.tries, 3u);
  EXPECT_EQ(why().at, phase::connect);
  EXPECT_EQ(why().detail, "in try 3");
  EXPECT_EQ(bucket.left(), 480u);
}

TEST_F(connect_retry, looks_the_name_up_anew) {
  moody_server server(io, server_context(), {serves});
  retry_options two = quick;
  two.retries = 2;
  start("try-again.invalid", server.port(), two);
  EXPECT_EQ(wait(), errc::resolver_failed);
  EXPECT_EQ(report.tries, 3u);
  start("nosuch.invalid", server.port(), two);
  EXPECT_EQ(wait(), errc::name_not_found);
  EXPECT_EQ(report.tries, 1u);
}

TEST_F(connect_retry, untrusted_server_is_not_asked_again) {
  tls = client_context({.trust = trust::from_pem(site("rsa2048").certificate).value(), .blinding = blinding::off()});
  moody_server server(io, server_context(), {serves});
  EXPECT_EQ(to(server, quick), errc::untrusted);
  EXPECT_EQ(report.tries, 1u);
  EXPECT_EQ(server.accepted(), 1);
  EXPECT_EQ(bucket.left(), 500u);
}

TEST_F(connect_retry, hang_up_is_worth_another_try_before_the_first_record_only) {
  moody_server early(io, server_context(), {hangs_up, serves});
  EXPECT_FALSE(to(early, quick)) << why().message();
  EXPECT_EQ(report.tries, 2u);
  moody_server late(io, server_context(), {hangs_up_late, serves});
  EXPECT_EQ(to(late, quick), errc::connection_closed);
  EXPECT_EQ(report.tries, 1u);
  EXPECT_EQ(stream->statistics().received.records, 1u);
}

TEST_F(connect_retry, empty_bucket_allows_none) {
  retry_bucket empty(0);
  moody_server server(io, server_context(), {resets, serves});
  EXPECT_EQ(to(server, {.retries = 3, .initial_delay = 1ms, .bucket = &empty}), errc::connection_reset);
  EXPECT_EQ(report.tries, 1u);
}

TEST_F(connect_retry, is_cancelled_while_it_waits) {
  moody_server server(io, server_context(), {resets});
  start("localhost", server.port(), {.initial_delay = 10min, .max_delay = 10min, .random = &random}, 24h);
  ASSERT_TRUE(run_until(io, [this] { return random.asked > 0; }));
  EXPECT_FALSE(stream);
  stop.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(wait(), asio::error::operation_aborted);
  EXPECT_LT(elapsed(), 30s);
  EXPECT_EQ(report.tries, 1u);
  EXPECT_FALSE(stream->is_established() || stream->lowest_layer().is_open());
}

TEST_F(connect_retry, loop_may_go_while_it_waits) {
  auto own = std::make_unique<asio::io_context>();
  bool is_alive = true;
  const std::shared_ptr<bool> token(&is_alive, [](bool* p) { *p = false; });
  auto server = std::make_unique<moody_server>(*own, server_context(), std::deque{resets});
  async_connect(*own, tls, "localhost", std::to_string(server->port()),
                {.timeout = 24h, .retry = {.initial_delay = 10min, .max_delay = 10min, .random = &random}},
                [held = token](const error_code&, const tcp_stream&) { FAIL() << "completed"; });
  ASSERT_TRUE(run_until(*own, [this] { return random.asked > 0; }));
  EXPECT_EQ(token.use_count(), 2);
  server.reset();
  own.reset();
  EXPECT_EQ(token.use_count(), 1) << "the handler went with the loop";
}

TEST_F(connect_retry, wait_beyond_the_deadline_is_not_begun) {
  moody_server server(io, server_context(), {resets});
  EXPECT_EQ(to(server, {.initial_delay = 1h, .max_delay = 1h, .jitter = jitter::none, .bucket = &bucket}),
            errc::connection_reset);
  EXPECT_EQ(report.tries, 1u);
  EXPECT_LT(elapsed(), 20s);
  EXPECT_EQ(bucket.left(), 500u) << "what is not begun costs nothing";
}

TEST_F(connect_retry, deadline_is_for_all_tries) {
  moody_server server(io, server_context(), {resets, is_silent});
  EXPECT_EQ(to(server, quick, 1s), errc::timed_out);
  EXPECT_EQ(report.tries, 2u) << "there is no time for a third";
  EXPECT_GE(elapsed(), 990ms);
  EXPECT_LT(elapsed(), 20s);
}

TEST_F(connect_retry, one_try_may_have_a_limit_of_its_own) {
  moody_server server(io, server_context(), {is_silent, serves});
  EXPECT_FALSE(to(server, {.retries = 1, .initial_delay = 1ms, .per_try = 1s})) << why().message();
  EXPECT_EQ(report.tries, 2u);
  EXPECT_GE(elapsed(), 990ms);
}

TEST_F(connect_retry, limit_of_a_try_holds_for_the_lookup_too) {
  const fake_name name("slow.test", {"127.0.0.1"});
  {
    const slow_names slow;
    start("slow.test", 1, {.retries = 1, .initial_delay = 1ms, .per_try = 200ms});
    EXPECT_EQ(wait(), errc::timed_out);
  }
  EXPECT_EQ(report.tries, 2u);
  EXPECT_EQ(why().at, phase::resolve);
  EXPECT_EQ(why().detail, "this try took longer than 200 ms, in try 2");
  EXPECT_LT(elapsed(), 20s);
}

asio::awaitable<void> in_a_coroutine(context tls, std::string port, bool& is_done) {
  auto s = co_await async_connect(tls, "localhost", port,
                                  {.timeout = 20s, .retry = {.retries = 2, .initial_delay = 1ms}}, asio::use_awaitable);
  is_done = s.is_established();
}

TEST_F(connect_retry, works_in_a_coroutine) {
  moody_server server(io, server_context(), {resets, serves});
  bool is_done = false;
  spawn(io, in_a_coroutine(tls, std::to_string(server.port()), is_done));
  EXPECT_TRUE(run_until(io, [&] { return is_done; }));
}

}  // namespace
}  // namespace sluice::test
