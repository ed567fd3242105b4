// SPDX-License-Identifier: Apache-2.0
// The same stream by waiting in place.
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"
#include "support/signer.hpp"

#include <thread>

namespace sluice::test {
namespace {

struct sync : ::testing::Test {
  asio::io_context io;
  joined_streams ends{io.get_executor(), client_context({.blinding = blinding::off()}),
                      server_context({.blinding = blinding::off()})};
  tcp_stream& client = ends.client;
  tcp_stream& server = ends.server;
  char byte = 0;

  void shake_hands() {
    error_code other;
    std::thread peer([&] { server.handshake(other); });
    client.handshake();
    peer.join();
    ASSERT_FALSE(other) << other.message();
  }
};

TEST_F(sync, shakes_hands_talks_and_parts) {
  shake_hands();
  EXPECT_TRUE(client.is_established() && server.is_established());
  const auto text = random_text(1000000);
  std::thread peer([&] {
    std::string got(text.size(), '\0');
    asio::read(server, asio::buffer(got));
    asio::write(server, asio::buffer(got));
    error_code ec;
    EXPECT_EQ(server.read_some(asio::buffer(&byte, 1), ec), 0u);
    EXPECT_EQ(ec, asio::error::eof);
    server.shutdown(ec);
    EXPECT_FALSE(ec) << ec.message();
  });
  asio::write(client, asio::buffer(text));
  std::string got(text.size(), '\0');
  asio::read(client, asio::buffer(got));
  EXPECT_EQ(got, text);
  error_code ec;
  client.shutdown_write(ec);
  EXPECT_FALSE(ec);
  client.shutdown(ec);
  EXPECT_FALSE(ec) << ec.message();
  peer.join();
  EXPECT_THROW(client.write_some(asio::buffer("x", 1)), boost::system::system_error);
}

TEST_F(sync, waits_for_a_private_key) {
  const auto slow = [](const signer& key, const sign_request& request, signature_promise promise) {
    std::thread([&key, request, p = std::make_shared<signature_promise>(std::move(promise))] {
      p->set(key.sign(request));
    }).detach();
  };
  auto mine = signer_site("rsa2048", slow);
  ends = joined_streams(io.get_executor(), client_context(),
                        server_context({.identities = {identity::from_chain(mine.chain, mine.key).value()}}));
  shake_hands();
  EXPECT_GT(server.timings().signing.count(), 0);
}

TEST_F(sync, gives_up_at_the_deadline) {
  client.set_timeouts(50ms, 50ms);
  error_code ec;
  client.handshake(ec);
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_EQ(client.last_failure().detail, "not done within 50 ms");
  EXPECT_FALSE(client.lowest_layer().is_open()) << "nobody may be running a loop, so it does not linger";
}

TEST_F(sync, gives_up_waiting_for_the_peers_close_notify) {
  shake_hands();
  client.set_timeouts(1s, 50ms);
  error_code ec;
  client.shutdown(ec);
  EXPECT_EQ(ec, errc::timed_out);
  EXPECT_EQ(client.last_failure().at, phase::shutdown);
}

// The data belong to the read, which nobody completes while this thread waits: neither to spin nor to take them is
// right.
TEST_F(sync, shutdown_does_not_wait_for_input_that_an_outstanding_read_will_take) {
  shake_hands();
  std::size_t got = 0;
  client.async_read_some(asio::buffer(&byte, 1), [&](const error_code&, std::size_t n) { got = n; });
  asio::write(server, asio::buffer("data", 4));
  error_code ec;
  client.shutdown(ec);
  EXPECT_EQ(ec, errc::in_use) << ec.message();
  EXPECT_EQ(client.last_failure().at, phase::shutdown);
  io.run();
  EXPECT_EQ(got, 1u);
  EXPECT_EQ(byte, 'd');
  EXPECT_EQ(server.read_some(asio::buffer(&byte, 1), ec), 0u);
  EXPECT_EQ(ec, asio::error::eof) << "our close_notify was sent";
}

// The rest of an outstanding write is in the system's hands: written here as well, it would arrive twice.
TEST_F(sync, shutdown_does_not_write_what_an_outstanding_write_is_writing) {
  shake_hands();
  const auto text = random_text(8'000'000);
  std::size_t written = 0;
  asio::async_write(client, asio::buffer(text), [&](const error_code&, std::size_t n) { written = n; });
  io.poll();
  ASSERT_EQ(written, 0u);
  error_code ec;
  client.shutdown_write(ec);
  EXPECT_EQ(ec, errc::in_use) << ec.message();
  std::string got(text.size(), '\0');
  std::thread peer([&] { asio::read(server, asio::buffer(got)); });
  io.restart();
  io.run();
  peer.join();
  EXPECT_EQ(written, text.size());
  EXPECT_EQ(got, text);
}

TEST_F(sync, tells_a_cut_from_an_end_and_from_a_reset) {
  shake_hands();
  server.lowest_layer().shutdown(tcp::socket::shutdown_send);
  error_code ec;
  client.read_some(asio::buffer(&byte, 1), ec);
  EXPECT_EQ(ec, errc::truncated);

  ends = joined_streams(io.get_executor(), client_context(), server_context());
  shake_hands();
  server.lowest_layer().set_option(asio::socket_base::linger(true, 0));
  server.lowest_layer().close();
  client.read_some(asio::buffer(&byte, 1), ec);
  EXPECT_EQ(ec, asio::error::connection_reset);
  EXPECT_EQ(client.last_failure().code, ec);
  try {
    client.read_some(asio::buffer(&byte, 1));
    ADD_FAILURE() << "read after a reset";
  } catch (const boost::system::system_error& thrown) {
    EXPECT_EQ(thrown.code(), asio::error::connection_reset);
  }
}

TEST_F(sync, fails_a_handshake_by_its_cause) {
  server.lowest_layer().set_option(asio::socket_base::linger(true, 0));
  server.lowest_layer().close();
  error_code ec;
  client.handshake(ec);
  EXPECT_EQ(ec, errc::connection_reset) << ec.message();
  EXPECT_EQ(client.last_failure().code, ec);

  ends = joined_streams(
      io.get_executor(),
      client_context({.trust = trust::from_pem(site().certificate).value(), .blinding = blinding::off()}),
      server_context({.identities = {site_identity("rsa2048")}, .blinding = blinding::off()}));
  error_code others, ignored;
  std::thread peer([&] { server.handshake(others); });
  client.handshake(ec);
  client.lowest_layer().close(ignored);
  peer.join();
  EXPECT_EQ(ec, errc::untrusted) << ec.message();
}

TEST_F(sync, mixes_with_waiting_in_a_loop) {
  shake_hands();
  EXPECT_EQ(pass(io, client, server, "by the loop"), "by the loop");
  EXPECT_EQ(client.write_some(asio::buffer("in place", 8)), 8u);
  std::array<char, 8> got;
  EXPECT_EQ(server.read_some(asio::buffer(got)), 8u);
}

// One thread waits in a read; what another calls meanwhile is refused, and nothing of it is sent.
TEST_F(sync, refuses_a_second_thread_and_loses_nothing) {
  shake_hands();
  std::array<char, 4> got{};
  error_code read_ec;
  std::size_t read = 0;
  // Whoever comes second is refused: the reader tries again until it is the first, and stays inside while it waits.
  std::thread reader([&] {
    do {
      read = client.read_some(asio::buffer(got), read_ec);
    } while (read_ec == errc::in_use);
  });
  // What is sent is read at once: a writer whose peer does not read would wait inside, and the reader never get in.
  error_code ec;
  for (char arrived; client.write_some(asio::buffer("x", 1), ec) != 0;) {
    ASSERT_EQ(server.read_some(asio::buffer(&arrived, 1)), 1u);
    ASSERT_EQ(arrived, 'x');
  }
  EXPECT_EQ(ec, errc::in_use) << ec.message();
  EXPECT_EQ(client.last_failure().code, errc::in_use);
  const auto said = client.last_failure().message();
  EXPECT_NE(said.find("second thread"), std::string::npos) << said;
  EXPECT_NE(client.last_failure().remedy.find("strand"), std::string::npos);
  server.write_some(asio::buffer("done", 4));
  reader.join();
  EXPECT_FALSE(read_ec) << read_ec.message();
  EXPECT_EQ(std::string(got.data(), read), "done");
  EXPECT_EQ(client.write_some(asio::buffer("y", 1)), 1u) << "the stream is whole";
  char next = 0;
  EXPECT_EQ(server.read_some(asio::buffer(&next, 1)), 1u);
  EXPECT_EQ(next, 'y') << "nothing of the refused write was sent";
}

TEST_F(sync, refuses_a_call_while_its_like_is_outstanding_and_says_so) {
  shake_hands();
  outcome waiting;
  client.async_read_some(asio::buffer(&byte, 1), waiting.handler());
  error_code ec;
  char other;
  EXPECT_EQ(client.read_some(asio::buffer(&other, 1), ec), 0u);
  EXPECT_EQ(ec, errc::in_use);
  EXPECT_EQ(client.last_failure().code, errc::in_use);
  server.write_some(asio::buffer("z", 1));
  EXPECT_FALSE(waiting.wait(io));
  EXPECT_EQ(byte, 'z');
}

// The caller is told at once; the peer must not learn before the delay is over, though nobody runs a loop and the
// stream is destroyed.
TEST_F(sync, send_the_peer_nothing_before_the_delay_as_asynchronous_ones_do) {
  for (const bool is_established : {false, true}) {
    ends = joined_streams(io.get_executor(), client_context(), server_context({.blinding = blinding::at_most(2s)}));
    if (is_established) shake_hands();
    auto raw = std::move(client.next_layer());
    const unsigned char type = is_established ? 23 : 22;
    // Of a handshake: a ClientHello that fills its record and means nothing.
    const std::array<unsigned char, 32> bad{type, 3, 3, 0, 27, 1, 0, 0, 23};
    asio::write(raw, asio::buffer(bad));
    error_code ec;
    const auto began = clock_type::now();
    if (is_established) {
      server.read_some(asio::buffer(&byte, 1), ec);
    } else {
      server.handshake(ec);
    }
    EXPECT_TRUE(ec);
    EXPECT_NE(ec, asio::error::eof);
    EXPECT_LT(clock_type::now() - began, 500ms);
    server.write_some(asio::buffer("x", 1), ec);
    EXPECT_EQ(server.last_failure().code, ec) << "every further call has the failure";
    { tcp_stream gone(std::move(server)); }
    std::array<char, 4096> unread;
    while (raw.read_some(asio::buffer(unread), ec) > 0) {
    }
    EXPECT_GE(clock_type::now() - began, 600ms) << "a third of the longest delay, at least";
  }
}

TEST_F(sync, works_on_a_socket_that_does_not_block) {
  client.lowest_layer().non_blocking(true);
  server.lowest_layer().non_blocking(true);
  shake_hands();
  const auto text = random_text(3000000);
  std::thread peer([&] { asio::write(server, asio::buffer(text)); });
  std::string got(text.size(), '\0');
  asio::read(client, asio::buffer(got));
  peer.join();
  EXPECT_EQ(got, text);
}

}  // namespace
}  // namespace sluice::test
