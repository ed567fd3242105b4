// SPDX-License-Identifier: Apache-2.0
// Connecting takes a lookup, a race of addresses and a handshake: each can be slow, cancelled, too late.
#include "e2e/names.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <list>
#include <optional>
#include <thread>

namespace sluice::test {
namespace {

// Listens, but its backlog is full: whoever connects waits.
class black_hole {
 public:
  black_hole(asio::io_context& io, const tcp::endpoint& at) : listener_(io) {
    listener_.open(at.protocol());
    listener_.set_option(tcp::acceptor::reuse_address(true));
    listener_.bind(at);
    listener_.listen(0);
    for (int i = 0; i < 3; ++i) {
      fillers_.emplace_back(io).async_connect(listener_.local_endpoint(), [](const error_code&) {});
    }
  }
  tcp::endpoint endpoint() const { return listener_.local_endpoint(); }

 private:
  tcp::acceptor listener_;
  std::list<tcp::socket> fillers_;
};

struct connect_phases : ::testing::Test {
  asio::io_context io;
  context tls = client_context();
  asio::cancellation_signal stop;
  connect_report report;
  std::optional<tcp_stream> stream;
  error_code ec;
  clock_type::time_point began = clock_type::now();

  void start(const std::string& host, unsigned short port, std::chrono::nanoseconds timeout = 30s) {
    began = clock_type::now();
    stream.reset();
    async_connect(io, tls, host, std::to_string(port), {.timeout = timeout, .report = &report},
                  asio::bind_cancellation_slot(stop.slot(), [this](const error_code& e, tcp_stream s) {
                    ec = e;
                    stream.emplace(std::move(s));
                  }));
  }
  const error_code& wait() {
    EXPECT_TRUE(run_until(io, [this] { return stream.has_value(); }));
    return ec;
  }
  // Connects with a timeout that is long enough to reach the phase, however busy the machine is.
  void time_out_in(phase wanted, unsigned short port) {
    for (auto timeout = 60ms; timeout < 1min; timeout *= 2) {
      start("127.0.0.1", port, timeout);
      EXPECT_EQ(wait(), errc::timed_out);
      if (at() == wanted) return;
    }
    ADD_FAILURE() << "it never came so far";
  }
  auto elapsed() const { return clock_type::now() - began; }
  phase at() const { return stream->last_failure().at; }
};

TEST_F(connect_phases, time_out_in_the_lookup) {
  const fake_name name("slow.test", {"127.0.0.1"});
  const slow_names slow;
  start("slow.test", 1, 60ms);
  EXPECT_EQ(wait(), errc::timed_out);
  EXPECT_EQ(at(), phase::resolve);
  EXPECT_EQ(stream->last_failure().category(), "resolve");
  EXPECT_EQ(stream->last_failure().detail, "not done within 60 ms");
  EXPECT_TRUE(report.attempts.empty());
}

TEST_F(connect_phases, without_any_time_time_out_at_once_and_say_so) {
  for (const auto none : {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-1), std::chrono::nanoseconds::min()}) {
    stream.reset();
    start("127.0.0.1", 1, none);
    EXPECT_EQ(wait(), errc::timed_out);
    EXPECT_EQ(stream->last_failure().detail, "not done within 0 ms");
  }
}

TEST_F(connect_phases, time_out_in_the_race) {
  const black_hole hole(io, loopback());
  time_out_in(phase::connect, hole.endpoint().port());
  EXPECT_EQ(stream->last_failure().category(), "connect");
  ASSERT_EQ(report.attempts.size(), 1u);
  EXPECT_EQ(report.attempts[0].error, asio::error::operation_aborted);
}

TEST_F(connect_phases, time_out_in_the_handshake) {
  const tcp::acceptor silent(io, loopback());
  time_out_in(phase::handshake, silent.local_endpoint().port());
  EXPECT_EQ(stream->last_failure().category(), "tls");
  EXPECT_GE(elapsed(), 60ms);
}

TEST_F(connect_phases, share_one_deadline) {
  const tcp::acceptor silent(io, loopback());
  const fake_name name("slow.test", {"127.0.0.1"});
  std::optional<slow_names> slow(std::in_place);
  start("slow.test", silent.local_endpoint().port(), 400ms);
  asio::steady_timer later(io, 250ms);
  later.async_wait([&](const error_code&) { slow.reset(); });
  EXPECT_EQ(wait(), errc::timed_out);
  EXPECT_EQ(at(), phase::handshake);
  EXPECT_GE(report.timings.resolve, 240ms);
  EXPECT_GE(elapsed(), 400ms);
  EXPECT_LT(elapsed(), 640ms) << "the handshake had what the lookup left";
}

TEST_F(connect_phases, are_cancelled_in_the_lookup) {
  const fake_name name("slow.test", {"127.0.0.1"});
  const slow_names slow;
  start("slow.test", 1);
  stop.emit(asio::cancellation_type::terminal);  // before anything began
  EXPECT_EQ(wait(), asio::error::operation_aborted);
  EXPECT_EQ(at(), phase::resolve);
  start("slow.test", 1);
  run_ready(io);
  stop.emit(asio::cancellation_type::partial);
  run_ready(io);
  EXPECT_FALSE(stream.has_value());
  stop.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(wait(), asio::error::operation_aborted);
  EXPECT_EQ(at(), phase::resolve);
}

TEST_F(connect_phases, are_cancelled_in_the_race) {
  const black_hole hole(io, loopback());
  start("127.0.0.1", hole.endpoint().port());
  asio::steady_timer later(io, 60ms);
  later.async_wait([&](const error_code&) { stop.emit(asio::cancellation_type::terminal); });
  EXPECT_EQ(wait(), asio::error::operation_aborted);
  EXPECT_EQ(at(), phase::connect);
  EXPECT_EQ(report.attempts.size(), 1u);
}

TEST_F(connect_phases, are_cancelled_in_the_handshake) {
  tcp::acceptor silent(io, loopback());
  tcp::socket peer(io);
  silent.async_accept(peer, [](const error_code&) {});
  start("127.0.0.1", silent.local_endpoint().port());
  char byte;
  outcome hello;
  ASSERT_TRUE(run_until(io, [&] { return peer.is_open(); }));
  peer.async_read_some(asio::buffer(&byte, 1), hello.handler());
  EXPECT_FALSE(hello.wait(io));
  stop.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(wait(), asio::error::operation_aborted);
  EXPECT_EQ(at(), phase::handshake);
  EXPECT_EQ(stream->last_failure().code, asio::error::operation_aborted);
}

TEST_F(connect_phases, go_with_the_loop_wherever_they_are) {
  const fake_name name("slow.test", {"127.0.0.1"});
  for (const phase where : {phase::resolve, phase::connect, phase::handshake}) {
    auto held = std::make_shared<int>();
    const std::weak_ptr<int> seen = held;
    std::optional<slow_names> slow(std::in_place);
    std::thread releaser;
    {
      asio::io_context own;
      const black_hole hole(own, loopback());
      const tcp::acceptor silent(own, loopback());
      const auto port = (where == phase::connect ? hole.endpoint() : silent.local_endpoint()).port();
      async_connect(own, tls, where == phase::resolve ? "slow.test" : "127.0.0.1", std::to_string(port),
                    [held = std::move(held)](const error_code&, const tcp_stream&) { ADD_FAILURE() << "called"; });
      own.run_for(50ms);
      EXPECT_FALSE(seen.expired());
      // The loop's end waits for getaddrinfo(3), which cannot be interrupted.
      releaser = std::thread([&slow] { slow.reset(); });
    }
    EXPECT_TRUE(seen.expired()) << to_string(where);
    releaser.join();
  }
}

struct happy_eyeballs : connect_phases {
  acceptor in{io, loopback(), server_context()};
  unsigned short port = in.local_endpoint().port();
  void SetUp() override { spawn(io, serve_echo(in)); }
  void TearDown() override {
    stream.reset();
    in.close();
    run(io);
  }
};

TEST_F(happy_eyeballs, try_the_next_at_once_when_one_refuses) {
  const fake_name name("localhost", {"::1", "127.0.0.1"});
  start("localhost", port);
  EXPECT_FALSE(wait()) << stream->last_failure().message();
  ASSERT_EQ(report.attempts.size(), 2u);
  EXPECT_TRUE(report.attempts[0].endpoint.address().is_v6());
  EXPECT_EQ(report.attempts[0].error, errc::connection_refused);
  EXPECT_FALSE(report.attempts[1].error);
  EXPECT_EQ(report.attempts[1].endpoint, in.local_endpoint());
  EXPECT_LT(report.attempts[1].began, 200ms);
}

TEST_F(happy_eyeballs, try_the_next_after_a_quarter_of_a_second_when_one_is_silent) {
  const black_hole hole(io, {asio::ip::make_address("127.0.0.2"), port});
  const fake_name name("localhost", {"127.0.0.2", "127.0.0.1"});
  start("localhost", port);
  EXPECT_FALSE(wait()) << stream->last_failure().message();
  ASSERT_EQ(report.attempts.size(), 2u);
  EXPECT_EQ(report.attempts[0].error, asio::error::operation_aborted);
  EXPECT_FALSE(report.attempts[1].error);
  EXPECT_GE(report.attempts[1].began, 250ms);
  EXPECT_LT(report.attempts[1].began, 5s);
  EXPECT_GE(report.attempts[0].duration, 250ms) << "the slow one stays in the race";
}

TEST_F(happy_eyeballs, try_no_second_when_the_first_connects) {
  const fake_name name("localhost", {"127.0.0.1", "::1", "127.0.0.2"});
  start("localhost", port);
  EXPECT_FALSE(wait());
  EXPECT_EQ(report.attempts.size(), 1u);
}

TEST_F(happy_eyeballs, alternate_between_the_families) {
  tcp::acceptor unused(io, loopback());
  const auto closed = unused.local_endpoint().port();
  unused.close();
  const fake_name name("localhost", {"::1", "::1", "::1", "127.0.0.2", "127.0.0.3"});
  start("localhost", closed);
  EXPECT_EQ(wait(), errc::connection_refused);
  std::string order;
  for (const auto& attempt : report.attempts) order += attempt.endpoint.address().is_v6() ? '6' : '4';
  EXPECT_EQ(order, "64646");
}

TEST_F(happy_eyeballs, report_the_first_error_when_all_fail) {
  const fake_name name("localhost", {"224.0.0.1", "127.0.0.2"});
  start("localhost", port);
  EXPECT_EQ(wait(), errc::unreachable);
  ASSERT_EQ(report.attempts.size(), 2u);
  EXPECT_EQ(report.attempts[1].error, errc::connection_refused);
}

}  // namespace
}  // namespace sluice::test
