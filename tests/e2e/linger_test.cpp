// SPDX-License-Identifier: Apache-2.0
// After a failed handshake the caller knows at once; the socket stays until the peer has been told, in time and
// number bounded.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include "asio/linger.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <list>
#include <optional>
#include <thread>
#include <utility>

namespace sluice::test {
namespace {

const error_code unknown_ca(48, alert_category());

context distrusting(blinding how) {
  return client_context({.trust = trust::from_pem(site("rsa2048").certificate).value(), .blinding = how});
}

// The client does not believe the server.
struct linger : ::testing::Test {
  asio::io_context io;
  context client_ctx = distrusting(blinding::at_most(1s));
  joined_streams ends{io.get_executor(), client_ctx, server_context({.blinding = blinding::off()})};
  std::optional<tcp_stream> client{std::move(ends.client)};
  tcp_stream& server = ends.server;
  outcome c, s;
  clock_type::time_point failed{};
  char byte = 0;

  std::size_t lingering() { return detail::linger_service::of(io.get_executor()).size(); }

  void fail() {
    server.async_handshake(s.handler());
    client->async_handshake(c.handler());
    EXPECT_EQ(c.wait(io), errc::untrusted) << c.ec.message();
    failed = clock_type::now();
    EXPECT_FALSE(s.is_done) << "the peer must not learn yet";
  }
};

TEST_F(linger, sends_the_peer_nothing_until_the_delay_is_over) {
  fail();
  EXPECT_TRUE(client->lowest_layer().is_open());
  EXPECT_EQ(lingering(), 1u);
  EXPECT_EQ(s.wait(io), unknown_ca);
  EXPECT_GE(clock_type::now() - failed, 300ms) << "a third of the longest delay, at least";
  server.lowest_layer().close();
  run(io);
  EXPECT_FALSE(client->lowest_layer().is_open());
  EXPECT_EQ(lingering(), 0u);
}

TEST_F(linger, goes_on_without_the_stream) {
  fail();
  client.reset();
  EXPECT_EQ(s.wait(io), unknown_ca);
  EXPECT_GE(clock_type::now() - failed, 300ms) << "its socket went with the stream";
}

// A program whose only client has failed ends at once, whatever it was that failed.
TEST_F(linger, is_no_work_for_the_loop) {
  client_ctx = distrusting(blinding::standard());  // ten seconds at least
  joined_streams others(io.get_executor(), client_ctx, server_context({.blinding = blinding::off()}));
  outcome shaken;
  others.client.async_handshake(shaken.handler());
  error_code ec;
  std::thread peer([&] { others.server.handshake(ec); });  // of no loop
  EXPECT_EQ(shaken.wait(io), errc::untrusted);
  const auto began = clock_type::now();
  run(io);
  EXPECT_LT(clock_type::now() - began, 3s);
  EXPECT_TRUE(others.client.lowest_layer().is_open()) << "it lingers all the same";

  auto raw = join_sockets(io.get_executor());
  tcp_stream refusing(std::move(raw.client), server_context(), role::server);
  outcome met;
  refusing.async_handshake(met.handler());
  const std::array<unsigned char, 10> bad{22, 3, 1, 0, 5, 1, 0, 0, 1, 0xff};
  asio::write(raw.server, asio::buffer(bad));
  EXPECT_TRUE(met.wait(io));
  run(io);
  EXPECT_LT(clock_type::now() - began, 5s);
  EXPECT_TRUE(refusing.lowest_layer().is_open());
  EXPECT_EQ(lingering(), 2u);
  others.client.lowest_layer().close();
  peer.join();
}

TEST_F(linger, ends_when_the_peer_has_read_it_and_gone) {
  fail();
  EXPECT_EQ(s.wait(io), unknown_ca);
  const auto told = clock_type::now();
  server.lowest_layer().close();
  run(io);
  EXPECT_LT(clock_type::now() - told, 800ms) << "the peer's end should be noticed, not waited for";
}

TEST_F(linger, closes_on_a_peer_that_stays) {
  fail();
  EXPECT_EQ(s.wait(io), unknown_ca);
  const auto told = clock_type::now();
  run(io);  // the server's socket is open still
  EXPECT_FALSE(client->lowest_layer().is_open());
  EXPECT_LT(clock_type::now() - told, 10s);
}

TEST_F(linger, is_not_held_by_a_peer_that_floods) {
  fail();
  EXPECT_EQ(s.wait(io), unknown_ca);
  auto raw = std::move(server.next_layer());
  raw.non_blocking(false);
  std::thread flood([&raw] {
    const std::vector<char> junk(1 << 20);
    error_code ec;
    while (!ec) asio::write(raw, asio::buffer(junk), ec);
  });
  const auto began = clock_type::now();
  run(io, 30s);
  EXPECT_LT(clock_type::now() - began, 10s);
  EXPECT_FALSE(client->lowest_layer().is_open());
  flood.join();
}

TEST_F(linger, answers_all_further_operations_with_the_failure) {
  fail();
  outcome read, wrote, shut, shaken;
  client->async_read_some(asio::buffer(&byte, 1), read.handler());
  client->async_write_some(asio::buffer(&byte, 1), wrote.handler());
  client->async_shutdown(shut.handler());
  EXPECT_EQ(read.wait(io), errc::untrusted);
  EXPECT_EQ(wrote.wait(io), errc::untrusted);
  EXPECT_EQ(shut.wait(io), errc::untrusted);
  client->async_handshake(shaken.handler());
  EXPECT_EQ(shaken.wait(io), errc::untrusted);
  EXPECT_EQ(client->last_failure().code, errc::untrusted);
  EXPECT_FALSE(s.is_done);
  EXPECT_EQ(s.wait(io), unknown_ca);
}

// The read that brings the last bytes has no room for the failure behind them; the next operation tells it.
TEST_F(linger, tells_a_failure_that_came_with_the_last_bytes) {
  joined_streams others(io.get_executor(), client_context(), server_context());
  others.shake_hands(io);
  std::array<char, 64> got{};
  outcome sent, read, later;
  others.server.async_write_some(asio::buffer("bytes", 5), sent.handler());
  EXPECT_FALSE(sent.wait(io));
  constexpr std::size_t a_record = 5 + 5 + 1 + 16;
  const std::array<unsigned char, 40> no_record{23, 3, 3, 0, 35};
  asio::write(others.server.next_layer(), asio::buffer(no_record));
  while (others.client.next_layer().available() < a_record + no_record.size()) std::this_thread::yield();
  others.client.async_read_some(asio::buffer(got), read.handler());
  EXPECT_FALSE(read.wait(io)) << read.ec.message();
  EXPECT_EQ(read.bytes, 5u);
  others.client.async_read_some(asio::buffer(got), later.handler());
  EXPECT_TRUE(later.wait(io));
  EXPECT_EQ(others.client.last_failure().code, later.ec) << "it has a failure";
}

// It only writes; when the socket is closed to it, the alert that came before says why.
TEST_F(linger, is_over_and_a_writer_gets_the_reason) {
  joined_streams others(io.get_executor(), client_context(), server_context({.blinding = blinding::off()}));
  others.shake_hands(io);
  const std::array<unsigned char, 40> no_record{23, 3, 3, 0, 35};
  asio::write(others.client.next_layer(), asio::buffer(no_record));
  outcome read;
  char got = 0;
  others.server.async_read_some(asio::buffer(&got, 1), read.handler());
  EXPECT_EQ(read.wait(io), errc::protocol_error);
  error_code ec;
  while (!ec) {
    outcome wrote;
    others.client.async_write_some(asio::buffer("more", 4), wrote.handler());
    ec = wrote.wait(io);
  }
  EXPECT_EQ(ec, error_code(20, alert_category())) << ec.message();  // bad_record_mac
  EXPECT_EQ(others.client.last_failure().code, ec);
}

TEST_F(linger, is_short_where_blinding_is_off) {
  client_ctx = distrusting(blinding::off());
  joined_streams others(io.get_executor(), client_ctx, server_context());
  outcome first, second;
  others.client.async_handshake(first.handler());
  others.server.async_handshake(second.handler());
  EXPECT_EQ(first.wait(io), errc::untrusted);
  const auto began = clock_type::now();
  EXPECT_EQ(second.wait(io), unknown_ca);
  EXPECT_LT(clock_type::now() - began, 5s) << "the shortest delay is 10 s";
}

TEST_F(linger, of_a_borrowed_socket_ends_with_its_stream) {
  auto raw = join_sockets(io.get_executor());
  std::optional<stream<tcp::socket&>> borrower(std::in_place, raw.client, distrusting(blinding::standard()),
                                               "localhost");
  tcp_stream peer(std::move(raw.server), server_context(), role::server);
  outcome first, second;
  borrower->async_handshake(first.handler());
  peer.async_handshake(second.handler());
  EXPECT_EQ(first.wait(io), errc::untrusted);
  EXPECT_EQ(lingering(), 1u);
  borrower.reset();
  EXPECT_TRUE(raw.client.is_open());
  raw.client.close();
  const auto began = clock_type::now();
  run(io);
  EXPECT_LT(clock_type::now() - began, 5s) << "the delay is 10 s at least";
  EXPECT_EQ(lingering(), 0u);
  EXPECT_EQ(second.ec, errc::connection_closed);
}

TEST_F(linger, of_a_borrowed_socket_sends_the_alert_and_leaves_it_open) {
  auto raw = join_sockets(io.get_executor());
  stream<tcp::socket&> borrower(raw.client, client_ctx, "localhost");
  tcp_stream peer(std::move(raw.server), server_context(), role::server);
  outcome first, second;
  borrower.async_handshake(first.handler());
  peer.async_handshake(second.handler());
  EXPECT_EQ(first.wait(io), errc::untrusted);
  EXPECT_EQ(second.wait(io), unknown_ca);
  run(io);
  EXPECT_TRUE(raw.client.is_open());
  error_code ec;
  raw.client.write_some(asio::buffer(&byte, 1), ec);
  EXPECT_FALSE(ec) << "its output is open as well";
}

TEST_F(linger, holds_256_sockets_and_closes_the_oldest) {
  client_ctx = distrusting(blinding::standard());  // ten seconds at least
  const auto server_ctx = server_context({.blinding = blinding::off()});
  constexpr std::size_t extra = 5;
  struct victim {
    explicit victim(joined_streams made) : ends(std::move(made)) {}
    joined_streams ends;
    outcome c, s;
  };
  std::list<victim> victims;
  for (std::size_t i = 0; i < detail::linger_service::most + extra; ++i) {
    auto& v = victims.emplace_back(joined_streams(io.get_executor(), client_ctx, server_ctx));
    v.ends.client.async_handshake(v.c.handler());
    v.ends.server.async_handshake(v.s.handler());
    EXPECT_EQ(v.c.wait(io), errc::untrusted);
  }
  const auto oldest_end = std::next(victims.begin(), std::ptrdiff_t{extra});
  const auto is_done = [](const victim& v) { return v.s.is_done; };
  EXPECT_TRUE(run_until(io, [&] { return std::all_of(victims.begin(), oldest_end, is_done); }));
  EXPECT_EQ(lingering(), detail::linger_service::most);
  std::size_t number = 0;
  for (const auto& v : victims) {
    const bool is_oldest = number++ < extra;
    EXPECT_EQ(v.s.is_done, is_oldest) << number;
    EXPECT_EQ(v.ends.client.lowest_layer().is_open(), !is_oldest) << number;
  }
}

}  // namespace
}  // namespace sluice::test
