// SPDX-License-Identifier: Apache-2.0
// What is said before TLS, inside async_connect: under its deadline, in its report, and cancelled with it.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/read_until.hpp>

#include <optional>
#include <memory>

namespace sluice::test {
namespace {

// Says "begin", and waits for a line.
class greeter final : public prelude {
 public:
  asio::awaitable<failure> speak(tcp::socket& socket) override {
    ++tries;
    co_await asio::async_write(socket, asio::buffer("begin\n", 6), asio::use_awaitable);
    std::string answer;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(answer), '\n', asio::use_awaitable);
    failure error;
    if (answer == "no\n") {
      error.code = make_error_code(errc::handshake_failed);
      error.detail = "it says no";
    }
    if (answer == "throw\n") throw std::runtime_error("unheard of");
    has_ended = true;
    co_return error;
  }
  int tries = 0;
  bool has_ended = false;
};

struct prelude_to : ::testing::Test {
  asio::io_context io;
  context tls = client_context();
  tcp::acceptor listener{io, loopback()};
  greeter speaker;
  asio::cancellation_signal stop;
  connect_report report;
  std::optional<tcp_stream> stream;
  error_code ec;

  // Answers the first line with `answer`, and speaks TLS after "yes".
  asio::awaitable<void> serve(std::string answer) {
    auto socket = co_await listener.async_accept(asio::use_awaitable);
    std::string asked(6, '\0');
    co_await asio::async_read(socket, asio::buffer(asked), use_tuple);
    co_await asio::async_write(socket, asio::buffer(answer), use_tuple);
    tcp_stream s(std::move(socket), server_context(), role::server);
    co_await s.async_handshake(use_tuple);
    co_await s.async_shutdown(use_tuple);
  }
  void start(connect_options options = {}) {
    options.prelude = &speaker;
    options.report = &report;
    async_connect(io, tls, "localhost", std::to_string(listener.local_endpoint().port()), options,
                  asio::bind_cancellation_slot(stop.slot(), [this](const error_code& e, tcp_stream s) {
                    ec = e;
                    stream.emplace(std::move(s));
                  }));
  }
  const error_code& wait() {
    EXPECT_TRUE(run_until(io, [this] { return stream.has_value(); }));
    return ec;
  }
};

TEST_F(prelude_to, go_ahead_is_followed_by_tls) {
  spawn(io, serve("yes\n"));
  start();
  EXPECT_FALSE(wait()) << stream->last_failure().message();
  EXPECT_TRUE(stream->is_established() && speaker.has_ended);
  EXPECT_GT(report.prelude, 0ns);
  EXPECT_GT(report.timings.handshake, 0ns);
}

TEST_F(prelude_to, refusal_is_the_failure) {
  spawn(io, serve("no\n"));
  start();
  EXPECT_EQ(wait(), errc::handshake_failed);
  EXPECT_EQ(stream->last_failure().detail, "it says no");
  EXPECT_EQ(stream->last_failure().where, "localhost:" + std::to_string(listener.local_endpoint().port()));
  EXPECT_GT(report.prelude, 0ns);
}

TEST_F(prelude_to, exception_is_a_failure) {
  spawn(io, serve("throw\n"));
  start();
  EXPECT_EQ(wait(), errc::internal);
  EXPECT_EQ(stream->last_failure().detail, "unheard of");
}

TEST_F(prelude_to, silence_is_ended_by_the_deadline) {
  start({.timeout = 60ms});
  EXPECT_EQ(wait(), errc::timed_out);
  EXPECT_EQ(speaker.tries, 1);
  EXPECT_FALSE(speaker.has_ended);
}

TEST_F(prelude_to, silence_is_ended_by_a_cancellation) {
  start();
  EXPECT_TRUE(run_until(io, [this] { return speaker.tries == 1; }));
  stop.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(wait(), asio::error::operation_aborted);
}

TEST_F(prelude_to, silence_costs_a_try_and_another_is_made) {
  start({.timeout = 30s, .retry = {.retries = 1, .initial_delay = 1ms, .per_try = 60ms}});
  EXPECT_EQ(wait(), errc::timed_out);
  EXPECT_EQ(speaker.tries, 2);
  EXPECT_EQ(report.tries, 2u);
}

TEST_F(prelude_to, loop_that_goes_away_takes_it_along) {
  auto loop = std::make_unique<asio::io_context>();
  async_connect(*loop, tls, "localhost", std::to_string(listener.local_endpoint().port()), {.prelude = &speaker},
                [](const error_code&, tcp_stream) { ADD_FAILURE() << "completed"; });
  EXPECT_TRUE(run_until(*loop, [this] { return speaker.tries == 1; }));
  loop.reset();
  EXPECT_FALSE(speaker.has_ended);
}

}  // namespace
}  // namespace sluice::test
