// SPDX-License-Identifier: Apache-2.0
// A peer's alert that has arrived is what a writer learns, also while a read has not yet seen it.
#include "e2e/sides.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/records.hpp"
#include "support/signer.hpp"

#include <array>
#include <optional>

namespace sluice::test {
namespace {

const error_code bad_record_mac(20, alert_category());

// A client whose server, on a loop of its own, has refused it and is gone. The client's loop has not run since.
struct refused {
  asio::io_context io, theirs;
  std::optional<tcp_stream> client, server;
  std::array<char, 64> into{};
  outcome read, wrote;

  explicit refused(const flavour& f) {
    auto raw = join_sockets(io.get_executor());
    tcp::socket far(theirs, tcp::v4(), raw.server.release());
    client.emplace(std::move(raw.client), client_context({.blinding = blinding::off()}), "localhost");
    server.emplace(std::move(far), server_context({.versions = f.versions(), .blinding = blinding::off()}),
                   role::server);
    outcome ours, other;
    client->async_handshake(ours.handler());
    server->async_handshake(other.handler());
    for (int turn = 0; turn < 100000 && !(ours.is_done && other.is_done); ++turn) {
      run_ready(io);
      run_ready(theirs);
    }
    EXPECT_FALSE(ours.ec || other.ec);
  }

  void begin_read() {
    client->async_read_some(asio::buffer(into), read.handler());
    run_ready(io);
    EXPECT_FALSE(read.is_done);
  }

  // A record that does not open; once the server's socket is closed, what follows is answered with a reset.
  void be_refused() {
    const std::string rubbish = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, '?');
    auto& socket = client->next_layer();
    asio::write(socket, asio::buffer(rubbish));
    std::array<char, 64> unused{};
    outcome failed;
    server->async_read_some(asio::buffer(unused), failed.handler());
    EXPECT_TRUE(run_until(theirs, [&] { return failed.is_done; }));
    EXPECT_TRUE(failed.ec);
    server->lowest_layer().set_option(asio::socket_base::linger(true, 0));
    run_ready(theirs);
    server.reset();
    run_ready(theirs);
    const bool is_over = run_until(theirs, [&] {
      error_code ec;
      socket.write_some(asio::buffer(rubbish), ec);
      return ec && ec != asio::error::would_block;
    });
    EXPECT_TRUE(is_over) << "writing still works";
  }
};

struct last_words : ::testing::TestWithParam<flavour> {};

TEST_P(last_words, are_what_a_writer_learns_while_a_read_is_outstanding) {
  refused r(GetParam());
  r.begin_read();
  r.be_refused();
  r.client->async_write_some(asio::buffer("answer", 6), r.wrote.handler());
  EXPECT_EQ(r.wrote.wait(r.io), bad_record_mac) << r.wrote.ec.message();
  EXPECT_EQ(r.read.wait(r.io), bad_record_mac) << r.read.ec.message();
  EXPECT_EQ(r.client->last_failure().from, origin::peer);
}

TEST_P(last_words, are_what_a_writer_learns_without_a_read) {
  refused r(GetParam());
  r.be_refused();
  r.client->async_write_some(asio::buffer("answer", 6), r.wrote.handler());
  EXPECT_EQ(r.wrote.wait(r.io), bad_record_mac) << r.wrote.ec.message();
}

// The peer's data that arrived before its alert belong to the reader, also when a write has failed by that alert. The
// failure, which every later read returns, comes after them.
TEST_P(last_words, come_after_the_data_that_arrived_before_them) {
  refused r(GetParam());
  outcome sent;
  r.server->async_write_some(asio::buffer("before the alert", 16), sent.handler());
  EXPECT_TRUE(run_until(r.theirs, [&] { return sent.is_done; }));
  r.be_refused();
  r.client->async_write_some(asio::buffer("answer", 6), r.wrote.handler());
  EXPECT_EQ(r.wrote.wait(r.io), bad_record_mac) << r.wrote.ec.message();
  run_ready(r.io);  // the stream closes its socket meanwhile
  std::array<char, 10> part{};
  outcome first, second, last;
  r.client->async_read_some(asio::buffer(part), first.handler());
  EXPECT_FALSE(first.wait(r.io)) << first.ec.message();
  EXPECT_EQ(std::string(part.data(), first.bytes), "before the");
  r.client->async_read_some(asio::buffer(part), second.handler());
  EXPECT_FALSE(second.wait(r.io)) << second.ec.message();
  EXPECT_EQ(std::string(part.data(), second.bytes), " alert");
  r.client->async_read_some(asio::buffer(part), last.handler());
  EXPECT_EQ(last.wait(r.io), bad_record_mac) << last.ec.message();
  EXPECT_EQ(last.bytes, 0u);
  EXPECT_EQ(r.client->last_failure().from, origin::peer);
}

TEST_P(last_words, come_after_the_data_that_arrived_before_them_to_blocking_calls) {
  refused r(GetParam());
  outcome sent;
  r.server->async_write_some(asio::buffer("before the alert", 16), sent.handler());
  EXPECT_TRUE(run_until(r.theirs, [&] { return sent.is_done; }));
  r.be_refused();
  error_code ec;
  r.client->write_some(asio::buffer("answer", 6), ec);
  EXPECT_EQ(ec, bad_record_mac) << ec.message();
  const auto n = r.client->read_some(asio::buffer(r.into), ec);
  EXPECT_FALSE(ec) << ec.message();
  EXPECT_EQ(std::string(r.into.data(), n), "before the alert");
  EXPECT_EQ(r.client->read_some(asio::buffer(r.into), ec), 0u);
  EXPECT_EQ(ec, bad_record_mac) << ec.message();
}

// Nobody says anything: the writer is not kept waiting for it.
TEST_P(last_words, that_are_not_sent_are_not_waited_for) {
  refused r(GetParam());
  r.begin_read();
  r.client->lowest_layer().shutdown(tcp::socket::shutdown_send);
  r.client->async_write_some(asio::buffer("answer", 6), r.wrote.handler());
  EXPECT_EQ(r.wrote.wait(r.io), asio::error::broken_pipe);
  EXPECT_FALSE(r.read.is_done);
}

// With a blocking write the loop does not run meanwhile: the read cannot end, and is not waited for for ever.
TEST_P(last_words, that_a_read_is_about_to_see_do_not_hold_a_blocking_write) {
  refused r(GetParam());
  r.begin_read();
  r.be_refused();
  error_code ec;
  r.client->write_some(asio::buffer("answer", 6), ec);
  EXPECT_TRUE(ec);
  EXPECT_EQ(r.read.wait(r.io), bad_record_mac) << r.read.ec.message();
}

INSTANTIATE_TEST_SUITE_P(of_a_peer, last_words, ::testing::ValuesIn(flavours), flavour_name);

}  // namespace
}  // namespace sluice::test
