// SPDX-License-Identifier: Apache-2.0
// How a conversation ends: by close_notify, by halves, by a cut, or by nobody answering.
#include "e2e/sides.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace sluice::test {
namespace {

struct shutdown : ::testing::TestWithParam<flavour> {
  asio::io_context io;
  joined_streams ends{io.get_executor(), client_context(), server_context({.versions = GetParam().versions()})};
  tcp_stream& client = ends.client;
  tcp_stream& server = ends.server;
  char byte = 0;
  void SetUp() override { ends.shake_hands(io); }
  bool is_13() const { return GetParam().version == tls_version::tls1_3; }
};

TEST_P(shutdown, by_both_is_clean) {
  outcome c, s, read;
  client.async_shutdown(c.handler());
  server.async_read_some(asio::buffer(&byte, 1), read.handler());
  EXPECT_EQ(read.wait(io), asio::error::eof);
  EXPECT_FALSE(c.is_done) << "the peer has not said that it is done";
  server.async_shutdown(s.handler());
  EXPECT_FALSE(s.wait(io)) << s.ec.message();
  EXPECT_FALSE(c.wait(io)) << c.ec.message();
  outcome again;
  client.async_read_some(asio::buffer(&byte, 1), again.handler());
  EXPECT_EQ(again.wait(io), asio::error::eof) << "an end remains an end";
  EXPECT_TRUE(client.is_established()) << "and is no failure";
}

TEST_P(shutdown, throws_away_what_still_comes) {
  outcome wrote, c, s;
  const auto text = random_text(30000);
  asio::async_write(server, asio::buffer(text), wrote.handler());
  EXPECT_FALSE(wrote.wait(io));
  client.async_shutdown(c.handler());
  server.async_shutdown(s.handler());
  EXPECT_FALSE(c.wait(io)) << c.ec.message();
  EXPECT_FALSE(s.wait(io)) << s.ec.message();
}

TEST_P(shutdown, is_over_when_a_silent_peer_has_had_its_time) {
  client.set_timeouts(10s, 100ms);
  const auto began = clock_type::now();
  outcome c;
  client.async_shutdown(c.handler());
  EXPECT_EQ(c.wait(io), errc::timed_out);
  EXPECT_GE(clock_type::now() - began, 100ms);
  EXPECT_LT(clock_type::now() - began, 5s);
  EXPECT_EQ(client.last_failure().at, phase::shutdown);
  EXPECT_EQ(client.last_failure().message(),
            "shutdown: timed out: not done within 100 ms; " + std::string(usual_remedy(errc::timed_out)));
  run(io);
  EXPECT_FALSE(client.lowest_layer().is_open());
}

TEST_P(shutdown, is_over_when_the_peer_does_not_even_read) {
  outcome c, wrote;
  client.set_timeouts(10s, 100ms);
  asio::cancellation_signal stop;
  const std::string much(8 << 20, 'm');
  asio::async_write(client, asio::buffer(much), asio::bind_cancellation_slot(stop.slot(), wrote.handler()));
  run_ready(io);
  EXPECT_FALSE(wrote.is_done);
  stop.emit(asio::cancellation_type::partial);
  EXPECT_EQ(wrote.wait(io), asio::error::operation_aborted);
  client.async_shutdown(c.handler());
  EXPECT_EQ(c.wait(io), errc::timed_out);
  run(io);  // what could not be sent does not hold the socket for ever
  EXPECT_FALSE(client.lowest_layer().is_open());
}

TEST_P(shutdown, takes_a_plain_end_of_the_peers_for_an_answer) {
  outcome c;
  client.async_shutdown(c.handler());
  run_ready(io);
  server.lowest_layer().close();
  EXPECT_FALSE(c.wait(io)) << c.ec.message();
}

TEST_P(shutdown, by_halves_leaves_reading_open) {
  outcome half, ended, c, s;
  client.async_shutdown_write(half.handler());
  EXPECT_FALSE(half.wait(io)) << half.ec.message();
  server.async_read_some(asio::buffer(&byte, 1), ended.handler());
  EXPECT_EQ(ended.wait(io), asio::error::eof);
  outcome refused;
  client.async_write_some(asio::buffer("x", 1), refused.handler());
  EXPECT_EQ(refused.wait(io), boost::system::errc::broken_pipe);
  EXPECT_EQ(client.last_failure().code, refused.ec);
  if (is_13()) {
    const auto text = random_text(100000);
    EXPECT_EQ(pass(io, server, client, text), text);
  } else {
    outcome late;
    server.async_write_some(asio::buffer("x", 1), late.handler());
    EXPECT_EQ(late.wait(io), boost::system::errc::broken_pipe) << "TLS 1.2 answers a close_notify by closing";
  }
  server.async_shutdown(s.handler());
  EXPECT_FALSE(s.wait(io)) << s.ec.message();
  outcome end;
  client.async_read_some(asio::buffer(&byte, 1), end.handler());
  EXPECT_EQ(end.wait(io), asio::error::eof);
  client.async_shutdown(c.handler());
  EXPECT_FALSE(c.wait(io)) << c.ec.message();
}

TEST_P(shutdown, of_a_stream_that_reads_ends_both) {
  outcome read, c, s;
  client.async_read_some(asio::buffer(&byte, 1), read.handler());
  client.async_shutdown(c.handler());
  run_ready(io);
  EXPECT_FALSE(read.is_done || c.is_done);
  server.async_shutdown(s.handler());
  EXPECT_EQ(read.wait(io), asio::error::eof) << read.ec.message();
  EXPECT_FALSE(c.wait(io)) << c.ec.message();
  EXPECT_FALSE(s.wait(io));
}

TEST_P(shutdown, goes_on_when_the_read_beside_it_is_cancelled) {
  asio::cancellation_signal stop;
  outcome read, c, s;
  client.async_read_some(asio::buffer(&byte, 1), asio::bind_cancellation_slot(stop.slot(), read.handler()));
  client.async_shutdown(c.handler());
  run_ready(io);
  stop.emit(asio::cancellation_type::total);
  EXPECT_EQ(read.wait(io), asio::error::operation_aborted);
  server.async_shutdown(s.handler());
  EXPECT_FALSE(s.wait(io));
  EXPECT_FALSE(c.wait(io)) << c.ec.message();
}

TEST_P(shutdown, waits_its_turn_behind_a_write) {
  const auto text = random_text(120000);
  for (auto* s : {&client, &server}) {
    s->lowest_layer().set_option(asio::socket_base::send_buffer_size(8192));
    s->lowest_layer().set_option(asio::socket_base::receive_buffer_size(8192));
  }
  outcome wrote, half, read;
  client.async_write_some(asio::buffer(text), wrote.handler());
  client.async_shutdown_write(half.handler());
  run_ready(io);
  std::string got(text.size() + 1, '\0');
  asio::async_read(server, asio::buffer(got), read.handler());
  EXPECT_EQ(read.wait(io), asio::error::eof);
  got.resize(read.bytes);
  EXPECT_EQ(got, text);
  EXPECT_FALSE(wrote.wait(io));
  EXPECT_FALSE(half.wait(io));
}

TEST_P(shutdown, that_is_missing_is_a_cut) {
  outcome read;
  server.lowest_layer().close();
  client.async_read_some(asio::buffer(&byte, 1), read.handler());
  EXPECT_EQ(read.wait(io), errc::truncated);
  EXPECT_EQ(client.last_failure().from, origin::peer);
  EXPECT_FALSE(client.is_established());
}

TEST_P(shutdown, of_what_was_never_begun_is_refused) {
  joined_streams fresh(io.get_executor(), client_context(), server_context());
  outcome c, half, wrote, read;
  fresh.client.async_shutdown(c.handler());
  EXPECT_EQ(c.wait(io), errc::not_ready);
  fresh.client.async_shutdown_write(half.handler());
  EXPECT_EQ(half.wait(io), errc::not_ready);
  fresh.client.async_write_some(asio::buffer("x", 1), wrote.handler());
  EXPECT_EQ(wrote.wait(io), errc::not_ready);
  fresh.client.async_read_some(asio::buffer(&byte, 1), read.handler());
  EXPECT_EQ(read.wait(io), errc::not_ready);
  EXPECT_EQ(fresh.client.last_failure().code, errc::not_ready);
  fresh.shake_hands(io);  // and nothing is spoilt
}

INSTANTIATE_TEST_SUITE_P(of, shutdown, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
