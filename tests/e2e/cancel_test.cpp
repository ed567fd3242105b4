// SPDX-License-Identifier: Apache-2.0
// Cancelling a read or a write: the stream is whole afterwards, and what was counted is what arrives.
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

namespace sluice::test {
namespace {

using kind = asio::cancellation_type;

struct cancel : ::testing::Test {
  asio::io_context io;
  joined_streams ends{small_sockets(), client_context(), server_context()};
  tcp_stream& client = ends.client;
  tcp_stream& server = ends.server;
  asio::cancellation_signal stop;
  char byte = 0;

  void SetUp() override { ends.shake_hands(io); }

  joined_sockets small_sockets() {
    auto raw = join_sockets(io.get_executor());
    for (auto* s : {&raw.client, &raw.server}) {
      s->set_option(asio::socket_base::send_buffer_size(8192));
      s->set_option(asio::socket_base::receive_buffer_size(8192));
    }
    return raw;
  }
  auto stoppable(outcome& o) { return asio::bind_cancellation_slot(stop.slot(), o.handler()); }

  // A write that finds no more room, cancelled: how many of its bytes were taken.
  std::size_t write_and_cancel(const std::string& text, kind how) {
    outcome wrote;
    client.async_write_some(asio::buffer(text), stoppable(wrote));
    run_ready(io);
    EXPECT_FALSE(wrote.is_done) << "the sockets hold more than expected";
    stop.emit(how);
    EXPECT_EQ(wrote.wait(io), asio::error::operation_aborted);
    EXPECT_LE(wrote.bytes, text.size());
    return wrote.bytes;
  }
  // Everything the server gets until it has `size` bytes.
  std::string read_all(std::size_t size) {
    std::string got(size, '\0');
    outcome read;
    asio::async_read(server, asio::buffer(got), read.handler());
    EXPECT_FALSE(read.wait(io)) << read.ec.message();
    return got;
  }
};

TEST_F(cancel, of_a_read_leaves_the_stream_whole) {
  for (const auto how : {kind::terminal, kind::partial, kind::total, kind::all}) {
    outcome read;
    client.async_read_some(asio::buffer(&byte, 1), stoppable(read));
    run_ready(io);
    stop.emit(how);
    EXPECT_EQ(read.wait(io), asio::error::operation_aborted);
    EXPECT_EQ(read.bytes, 0u);
    EXPECT_EQ(pass(io, server, client, "still whole"), "still whole");
    EXPECT_EQ(pass(io, client, server, "both ways"), "both ways");
  }
}

TEST_F(cancel, of_a_read_before_its_first_turn_counts) {
  outcome read;
  client.async_read_some(asio::buffer(&byte, 1), stoppable(read));
  stop.emit(kind::total);
  EXPECT_EQ(read.wait(io), asio::error::operation_aborted);
}

TEST_F(cancel, of_a_read_in_the_middle_of_a_record_loses_nothing) {
  // Through a man in the middle who lets single bytes pass.
  auto near = join_sockets(io.get_executor());
  auto far = join_sockets(io.get_executor());
  tcp_stream reader(std::move(near.client), client_context(), "localhost");
  tcp_stream writer(std::move(far.server), server_context(), role::server);
  std::string up(20000, '\0'), down(20000, '\0');
  const auto relay = [&](tcp::socket& from, tcp::socket& to, std::string& buffer, std::size_t most) {
    error_code ec;
    from.non_blocking(true);
    const auto n = from.read_some(asio::buffer(buffer.data(), most), ec);
    if (n > 0) asio::write(to, asio::buffer(buffer.data(), n));
    return n;
  };
  outcome c, s, wrote;
  reader.async_handshake(c.handler());
  writer.async_handshake(s.handler());
  ASSERT_TRUE(run_until(io, [&] {
    relay(near.server, far.client, up, up.size());
    relay(far.client, near.server, down, down.size());
    return c.is_done && s.is_done;
  }));
  const std::string text = random_text(300);
  writer.async_write_some(asio::buffer(text), wrote.handler());
  EXPECT_FALSE(wrote.wait(io));
  int cancelled = 0;
  std::string got(text.size(), '\0');
  for (std::size_t most = 1; relay(far.client, near.server, down, most) > 0; most = 20) {
    outcome read;
    reader.async_read_some(asio::buffer(got), stoppable(read));
    run_ready(io);
    stop.emit(kind::total);
    read.wait(io);
    if (read.ec == asio::error::operation_aborted) ++cancelled;
    EXPECT_TRUE(read.ec || read.bytes == text.size());
  }
  EXPECT_GE(cancelled, 10);
  EXPECT_EQ(got, text);
}

TEST_F(cancel, of_a_write_counts_exactly) {
  const std::string a(100000, 'a'), b(70000, 'b'), c(90000, 'c'), d(1000, 'd');
  std::string expected;
  // Fill the sockets; the first that waits is cancelled with all of it sealed.
  for (int i = 0; i < 200; ++i) {
    outcome wrote;
    client.async_write_some(asio::buffer(a), stoppable(wrote));
    run_ready(io);
    if (wrote.is_done) {
      expected.append(a, 0, wrote.bytes);
      continue;
    }
    stop.emit(kind::total);
    run_ready(io);
    ASSERT_FALSE(wrote.is_done) << "bytes are sealed already, so total cancellation cannot be had";
    stop.emit(kind::partial);
    EXPECT_EQ(wrote.wait(io), asio::error::operation_aborted);
    EXPECT_GT(wrote.bytes, 0u);
    expected.append(a, 0, wrote.bytes);
    break;
  }
  // Nothing more is sealed while that waits.
  EXPECT_EQ(write_and_cancel(b, kind::partial), 0u);
  EXPECT_EQ(write_and_cancel(c, kind::terminal), 0u);
  outcome wrote;
  asio::async_write(client, asio::buffer(d), wrote.handler());
  expected += d;
  EXPECT_TRUE(read_all(expected.size()) == expected);
  EXPECT_FALSE(wrote.wait(io));
  EXPECT_EQ(wrote.bytes, d.size());
  EXPECT_EQ(pass(io, server, client, "still whole"), "still whole");
}

TEST_F(cancel, of_a_write_while_the_peer_reads_counts_exactly) {
  // Different data each time, cancelled at moments that nobody chose.
  std::string expected, got(200000, '\0');
  std::string received;
  for (int i = 0; i < 300; ++i) {
    const std::string text(1 + static_cast<std::size_t>(i) * 331, static_cast<char>('a' + i % 26));
    outcome wrote, read;
    client.async_write_some(asio::buffer(text), stoppable(wrote));
    if (i % 3 != 0) io.poll_one();
    stop.emit(kind::partial);
    wrote.wait(io);
    expected.append(text, 0, wrote.bytes);
    server.async_read_some(asio::buffer(got), asio::bind_cancellation_slot(stop.slot(), read.handler()));
    for (int turn = 0; turn < i % 5; ++turn) io.poll_one();
    stop.emit(kind::total);
    read.wait(io);
    received.append(got, 0, read.bytes);
    io.restart();
  }
  outcome last;
  asio::async_write(client, asio::buffer("end", 3), last.handler());
  expected += "end";
  received += read_all(expected.size() - received.size());
  EXPECT_FALSE(last.wait(io));
  EXPECT_TRUE(received == expected) << "what was counted is not what arrived";
}

TEST_F(cancel, of_a_shutdown_is_terminal_only) {
  client.set_timeouts(1s, 30s);
  outcome shut;
  client.async_shutdown(stoppable(shut));
  run_ready(io);
  stop.emit(kind::partial | kind::total);
  run_ready(io);
  EXPECT_FALSE(shut.is_done);
  stop.emit(kind::terminal);
  EXPECT_EQ(shut.wait(io), asio::error::operation_aborted);
  EXPECT_EQ(client.last_failure().at, phase::shutdown);
  outcome read;
  client.async_read_some(asio::buffer(&byte, 1), read.handler());
  EXPECT_EQ(read.wait(io), asio::error::operation_aborted) << "only closing is left";
}

TEST_F(cancel, wins_over_the_errors_it_meets) {
  outcome read, shaken;
  client.async_read_some(asio::buffer(&byte, 1), stoppable(read));
  run_ready(io);
  server.lowest_layer().set_option(asio::socket_base::linger(true, 0));
  server.lowest_layer().close();
  stop.emit(kind::terminal);
  EXPECT_EQ(read.wait(io), asio::error::operation_aborted);

  joined_streams others(io.get_executor(), client_context(), server_context());
  others.client.async_handshake(stoppable(shaken));
  run_ready(io);
  others.server.lowest_layer().close();
  stop.emit(kind::terminal);
  EXPECT_EQ(shaken.wait(io), asio::error::operation_aborted);
}

TEST_F(cancel, of_one_direction_leaves_the_other_waiting) {
  outcome read, wrote;
  const std::string much(120000, 'm');
  asio::cancellation_signal stop_reading;
  client.async_read_some(asio::buffer(&byte, 1), asio::bind_cancellation_slot(stop_reading.slot(), read.handler()));
  asio::async_write(client, asio::buffer(much), wrote.handler());
  run_ready(io);
  EXPECT_FALSE(read.is_done || wrote.is_done);
  stop_reading.emit(kind::total);
  EXPECT_EQ(read.wait(io), asio::error::operation_aborted);
  EXPECT_FALSE(wrote.is_done);
  EXPECT_TRUE(read_all(much.size()) == much);
  EXPECT_FALSE(wrote.wait(io));
}

}  // namespace
}  // namespace sluice::test
