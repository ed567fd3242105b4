// SPDX-License-Identifier: Apache-2.0
// The acceptor: handshakes side by side, and no client delays or ends anything for another.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <optional>

namespace sluice::test {
namespace {

struct accepting : ::testing::Test {
  struct trouble {
    failure error;
    tcp::endpoint peer;
  };
  // One async_accept; stays where it is.
  struct waiter {
    std::optional<tcp_stream> stream;
    error_code ec;
    asio::cancellation_signal stop;
    bool is_done() const { return stream.has_value(); }
  };

  asio::io_context io;
  std::vector<trouble> troubles;
  std::optional<acceptor> in;
  context server_ctx = server_context({.blinding = blinding::off()});
  context client_ctx = client_context({.blinding = blinding::off()});
  std::list<waiter> waiters;
  std::list<tcp::socket> raw;
  std::list<std::pair<tcp_stream, outcome>> clients;

  acceptor& open(acceptor_options options = {}) {
    options.on_failure = [this](const failure& error, const tcp::endpoint& peer) { troubles.push_back({error, peer}); };
    return in.emplace(io, loopback(), server_ctx, std::move(options));
  }
  waiter& accept() {
    auto& w = waiters.emplace_back();
    in->async_accept(asio::bind_cancellation_slot(w.stop.slot(), [&w](const error_code& ec, tcp_stream s) {
      EXPECT_FALSE(w.is_done()) << "completed twice";
      w.ec = ec;
      w.stream.emplace(std::move(s));
    }));
    return w;
  }
  // A TCP connection that says nothing.
  tcp::socket& silent() {
    auto& s = raw.emplace_back(io);
    s.connect(in->local_endpoint());
    return s;
  }
  // A client that shakes hands.
  std::pair<tcp_stream, outcome>& client(const context* ctx = nullptr) {
    tcp::socket s(io);
    s.connect(in->local_endpoint());
    auto& c = clients.emplace_back(tcp_stream(std::move(s), ctx ? *ctx : client_ctx, "localhost"), outcome());
    c.first.async_handshake(c.second.handler());
    return c;
  }
  bool wait(const waiter& w) {
    return run_until(io, [&] { return w.is_done(); });
  }
};

TEST_F(accepting, hands_out_finished_streams_only) {
  open();
  auto& w = accept();
  client();
  ASSERT_TRUE(wait(w));
  EXPECT_FALSE(w.ec);
  EXPECT_TRUE(w.stream->is_established());
  EXPECT_GT(w.stream->timings().handshake.count(), 0);
  tcp::no_delay option;
  w.stream->lowest_layer().get_option(option);
  EXPECT_TRUE(option.value());
  EXPECT_EQ(pass(io, *w.stream, clients.front().first, "hello"), "hello");
}

TEST_F(accepting, is_delayed_by_nobody) {
  open({.handshake_timeout = 20s});
  auto& w = accept();
  const auto began = clock_type::now();
  silent();
  auto& slow = silent();
  asio::write(slow, asio::buffer("\x16", 1));  // the first byte of a ClientHello, and no more for now
  asio::write(silent(), asio::buffer("GET / HTTP/1.1\r\n\r\n", 18));
  silent().close();
  const auto stranger =
      client_context({.trust = trust::from_pem(site("rsa2048").certificate).value(), .blinding = blinding::off()});
  client(&stranger);
  ASSERT_TRUE(run_until(io, [this] { return troubles.size() == 3; }));
  EXPECT_FALSE(w.is_done()) << "their failures are theirs";
  auto& good = client();
  ASSERT_TRUE(wait(w));
  EXPECT_FALSE(w.ec);
  EXPECT_EQ(w.stream->lowest_layer().remote_endpoint(), good.first.lowest_layer().local_endpoint());
  EXPECT_LT(clock_type::now() - began, 10s);
  EXPECT_EQ(in->handshakes_in_flight(), 0u);
  EXPECT_EQ(in->silent_connections(), 2u) << "the silent and the slow one";
}

TEST_F(accepting, reports_each_failure_with_the_peer_it_was) {
  open({.handshake_timeout = 20s});
  accept();
  auto& rude = silent();
  const auto from = rude.local_endpoint();
  asio::write(rude, asio::buffer("GET / HTTP/1.1\r\n\r\n", 18));
  ASSERT_TRUE(run_until(io, [this] { return troubles.size() == 1; }));
  EXPECT_EQ(troubles[0].peer, from);
  EXPECT_EQ(troubles[0].error.code, errc::protocol_error) << troubles[0].error.message();
  auto& gone = silent();
  const auto gone_from = gone.local_endpoint();
  gone.close();
  ASSERT_TRUE(run_until(io, [this] { return troubles.size() == 2; }));
  EXPECT_EQ(troubles[1].peer, gone_from);
  EXPECT_EQ(troubles[1].error.code, errc::connection_closed) << troubles[1].error.message();
}

TEST_F(accepting, times_handshakes_from_accept_on_whatever_comes_meanwhile) {
  open({.handshake_timeout = 300ms});
  auto& w = accept();
  const auto began = clock_type::now();
  silent();
  auto& slow = silent();
  // A byte every 40 ms of a ClientHello that never ends.
  const std::string hello("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  asio::steady_timer tick(io);
  std::size_t sent = 0;
  const std::function<void()> dribble = [&] {
    error_code ignored;
    slow.write_some(asio::buffer(hello) + std::min(sent, hello.size() - 1), ignored);
    if (++sent > 50) return;
    tick.expires_after(40ms);
    tick.async_wait([&](const error_code& ec) {
      if (!ec) dribble();
    });
  };
  dribble();
  ASSERT_TRUE(run_until(io, [this] { return troubles.size() == 2; }));
  tick.cancel();
  EXPECT_GE(clock_type::now() - began, 300ms);
  EXPECT_LT(clock_type::now() - began, 10s);
  for (const auto& t : troubles) EXPECT_EQ(t.error.code, errc::timed_out) << t.error.message();
  EXPECT_EQ(in->handshakes_in_flight(), 0u);
  EXPECT_FALSE(w.is_done());
}

// The first record of a ClientHello, and no more: a handshake that waits for its peer.
const std::string half_a_hello("\x16\x03\x01\x00\x04\x01\x00\x01\xfc", 9);

TEST_F(accepting, pauses_at_the_limit_and_goes_on_below_it) {
  open({.handshake_timeout = 500ms, .max_handshakes = 2});
  auto& w = accept();
  asio::write(silent(), asio::buffer(half_a_hello));
  asio::write(silent(), asio::buffer(half_a_hello));
  ASSERT_TRUE(run_until(io, [this] { return in->handshakes_in_flight() == 2; }));
  auto& third = client();
  io.restart();
  io.run_for(100ms);
  EXPECT_EQ(in->handshakes_in_flight(), 2u);
  EXPECT_FALSE(third.second.is_done) << "it waits in the backlog";
  ASSERT_TRUE(wait(w));
  EXPECT_EQ(troubles.size(), 2u);
  EXPECT_FALSE(third.second.wait(io));
}

TEST_F(accepting, counts_accepted_connections_that_wait_against_the_limit) {
  open({.max_handshakes = 2});
  auto& first = accept();
  for (int i = 0; i < 5; ++i) client();
  ASSERT_TRUE(wait(first));
  ASSERT_TRUE(run_until(
      io, [&] { return 3 == std::ranges::count_if(clients, [](const auto& c) { return c.second.is_done; }); }));
  io.restart();
  io.run_for(100ms);
  EXPECT_EQ(3, std::ranges::count_if(clients, [](const auto& c) { return c.second.is_done; }))
      << "one fetched, two ready";
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(wait(accept()));
  for (auto& c : clients) EXPECT_FALSE(c.second.wait(io));
}

TEST_F(accepting, serves_several_waiters_in_their_order) {
  open();
  auto& first = accept();
  auto& second = accept();
  auto& third = accept();
  auto& a = client();
  ASSERT_TRUE(wait(first));
  EXPECT_FALSE(second.is_done() || third.is_done());
  EXPECT_EQ(first.stream->lowest_layer().remote_endpoint(), a.first.lowest_layer().local_endpoint());
  client();
  client();
  EXPECT_TRUE(wait(second) && wait(third));
}

TEST_F(accepting, may_be_cancelled_without_harm_to_handshakes) {
  open();
  for (const auto how :
       {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
    auto& w = accept();
    w.stop.emit(how);  // before its first turn
    ASSERT_TRUE(wait(w));
    EXPECT_EQ(w.ec, asio::error::operation_aborted);
    EXPECT_EQ(w.stream->last_failure().code, w.ec);
  }
  auto& w = accept();
  auto& half = silent();
  ASSERT_TRUE(run_until(io, [this] { return in->silent_connections() == 1; }));
  w.stop.emit(asio::cancellation_type::total);
  ASSERT_TRUE(wait(w));
  EXPECT_EQ(w.ec, asio::error::operation_aborted);
  EXPECT_EQ(in->silent_connections(), 1u);
  auto& c = clients.emplace_back(tcp_stream(std::move(half), client_ctx, "localhost"), outcome());
  c.first.async_handshake(c.second.handler());
  EXPECT_FALSE(c.second.wait(io));
  auto& later = accept();
  ASSERT_TRUE(wait(later));
  EXPECT_FALSE(later.ec);
  later.stop.emit(asio::cancellation_type::total);  // too late to matter
  EXPECT_EQ(pass(io, *later.stream, c.first, "hello"), "hello");
}

TEST_F(accepting, ends_all_when_it_is_closed) {
  const auto watch = std::make_shared<counters>();
  server_ctx = server_context({.blinding = blinding::off(), .observer = watch});
  open({.max_handshakes = 10});
  auto& first = accept();
  auto& ready = client();
  ASSERT_TRUE(wait(first));
  first.stream.reset();
  auto& unfetched = client();
  EXPECT_FALSE(unfetched.second.wait(io));
  run_ready(io);
  auto& half = silent();
  asio::write(half, asio::buffer(half_a_hello));
  auto& mute = silent();
  auto& w = accept();
  ASSERT_TRUE(wait(w)) << "gets the one that was ready";
  auto& waiting = accept();
  auto& also = accept();
  ASSERT_TRUE(run_until(io, [this] { return in->handshakes_in_flight() == 1 && in->silent_connections() == 1; }));
  in->close();
  ASSERT_TRUE(wait(waiting) && wait(also));
  EXPECT_EQ(waiting.ec, asio::error::operation_aborted);
  EXPECT_EQ(also.ec, asio::error::operation_aborted);
  char byte;
  outcome hung_up;
  half.async_read_some(asio::buffer(&byte, 1), hung_up.handler());
  EXPECT_TRUE(hung_up.wait(io));
  outcome hung_up_too;
  mute.async_read_some(asio::buffer(&byte, 1), hung_up_too.handler());
  EXPECT_EQ(hung_up_too.wait(io), asio::error::eof);
  run_ready(io);
  EXPECT_EQ(in->handshakes_in_flight(), 0u);
  EXPECT_EQ(in->silent_connections(), 0u);
  EXPECT_TRUE(troubles.empty()) << "what we end ourselves is no peer's failure";
  auto& late = accept();
  ASSERT_TRUE(wait(late));
  EXPECT_EQ(late.ec, asio::error::operation_aborted);
  tcp::socket refused(io);
  error_code ec;
  refused.connect(in->local_endpoint(), ec);
  EXPECT_EQ(ec, asio::error::connection_refused);
  EXPECT_EQ(watch->snapshot().handshakes_failed, 0u);
  ready.first.lowest_layer().close();
}

TEST_F(accepting, ends_with_its_object) {
  open();
  auto& w = accept();
  run_ready(io);
  in.reset();
  ASSERT_TRUE(wait(w));
  EXPECT_EQ(w.ec, asio::error::operation_aborted);
  run(io);
}

TEST_F(accepting, gives_each_stream_a_strand_of_its_own) {
  open();
  auto& a = accept();
  auto& b = accept();
  client();
  client();
  ASSERT_TRUE(wait(a) && wait(b));
  EXPECT_NE(a.stream->get_executor(), b.stream->get_executor());
  EXPECT_NE(a.stream->get_executor(), in->get_executor());
}

TEST_F(accepting, shares_its_executor_where_a_core_has_its_own_loop) {
  open({.per_core = true});
  auto& a = accept();
  client();
  ASSERT_TRUE(wait(a));
  EXPECT_EQ(a.stream->get_executor(), in->get_executor());
  EXPECT_EQ(in->get_executor(), asio::any_io_executor(io.get_executor()));
}

TEST_F(accepting, cannot_listen_where_another_does_unless_both_share) {
  open();
  EXPECT_THROW(acceptor(io, in->local_endpoint(), server_ctx), boost::system::system_error);
  open({.reuse_port = true});
  EXPECT_NO_THROW(acceptor(io, in->local_endpoint(), server_ctx, {.reuse_port = true}));
}

}  // namespace
}  // namespace sluice::test
