// SPDX-License-Identifier: Apache-2.0
// A stream's statistics: the connection's, with what only the stream knows.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include "sluice/observe.hpp"

#include <memory>
#include <optional>
#include <thread>

namespace sluice::test {
namespace {

struct stream_statistics : ::testing::Test {
  asio::io_context io;
  std::shared_ptr<counters> counts = std::make_shared<counters>();
};

TEST_F(stream_statistics, of_a_connected_stream_have_every_phase_and_all_bytes) {
  acceptor in(io, loopback(), server_context({.observer = counts}));
  spawn(io, serve_echo(in));
  std::optional<tcp_stream> s;
  async_connect(io, client_context(), "localhost", std::to_string(in.local_endpoint().port()),
                [&](const error_code& ec, tcp_stream made) {
                  EXPECT_FALSE(ec);
                  s.emplace(std::move(made));
                });
  ASSERT_TRUE(run_until(io, [&] { return s.has_value(); }));
  EXPECT_EQ(pass(io, *s, *s, std::string(50'000, 'x')), std::string(50'000, 'x'));
  const auto now = s->statistics();
  EXPECT_EQ(now.timings.resolve, s->timings().resolve);
  EXPECT_EQ(now.timings.connect, s->timings().connect);
  EXPECT_EQ(now.timings.handshake, s->timings().handshake);
  EXPECT_GT(now.timings.resolve.count(), 0);
  EXPECT_TRUE(now.established);
  EXPECT_EQ(now.sent.bytes, 50'000u);
  EXPECT_EQ(now.received.bytes, 50'000u);
  EXPECT_GT(now.sent.wire_bytes, 50'000u);
  outcome bye;
  s->async_shutdown(bye.handler());
  EXPECT_FALSE(bye.wait(io));
  EXPECT_EQ(s->statistics().alert_sent, 0);
  EXPECT_EQ(s->statistics().alert_received, 0);
  EXPECT_TRUE(run_until(io, [&] { return counts->snapshot().connections_closed == 1; }));
  const auto told = counts->snapshot();
  EXPECT_EQ(told.received.bytes, 50'000u);
  EXPECT_EQ(told.received.wire_bytes, s->statistics().sent.wire_bytes);
  EXPECT_EQ(told.sent.records, s->statistics().received.records);
  in.close();
}

TEST_F(stream_statistics, of_a_stream_that_waits_in_place_are_kept_as_well) {
  auto over = join_sockets(io.get_executor());
  tcp_stream client(std::move(over.client), client_context(), "localhost");
  tcp_stream server(std::move(over.server), server_context(), role::server);
  EXPECT_EQ(client.statistics().timings.handshake.count(), 0);
  outcome shaken;
  server.async_handshake(shaken.handler());
  std::thread other([&client] { client.handshake(); });
  EXPECT_FALSE(shaken.wait(io));
  other.join();
  EXPECT_GT(client.statistics().timings.handshake.count(), 0);
  EXPECT_EQ(client.write_some(asio::buffer("hello", 5)), 5u);
  EXPECT_EQ(client.statistics().sent.bytes, 5u);
}

}  // namespace
}  // namespace sluice::test
