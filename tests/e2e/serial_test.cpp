// SPDX-License-Identifier: Apache-2.0
// Streams whose executor is serial: what the program promised, or a strand. Steps and completions take no detour, and
// the deadlines of all handshakes share one timer.
#include "asio/deadlines.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/strand.hpp>

#include <list>
#include <optional>
#include <thread>
#include <vector>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

struct serial : ::testing::Test {
  asio::io_context io;
  std::array<char, 5> got{};

  tcp_stream over(tcp::socket socket, role side, bool is_serial, std::chrono::nanoseconds timeout = 10s) {
    return {
        std::move(socket), side == role::client ? client_context() : server_context({.tickets = std::nullopt}), side,
        stream_options{
            .server_name = side == role::client ? "localhost" : "", .handshake_timeout = timeout, .serial = is_serial}};
  }
  std::size_t deadlines() { return detail::deadline_service::of(io.get_executor()).size(); }
  // The functions that the loop ran until then.
  std::size_t turns_until(const outcome& done) {
    io.restart();
    std::size_t turns = 0;
    while (!done.is_done && io.run_one_for(20s) == 1) ++turns;
    EXPECT_TRUE(done.is_done);
    return turns;
  }
};

TEST_F(serial, stream_shakes_hands_talks_and_shuts_down) {
  auto raw = join_sockets(io.get_executor());
  auto client = over(std::move(raw.client), role::client, true);
  auto server = over(std::move(raw.server), role::server, true);
  shake_hands(io, client, server);
  outcome wrote, read, closed, answered;
  asio::async_write(client, asio::buffer("hello", 5), wrote.handler());
  asio::async_read(server, asio::buffer(got), read.handler());
  EXPECT_FALSE(wrote.wait(io));
  EXPECT_FALSE(read.wait(io));
  EXPECT_EQ(std::string(got.data(), got.size()), "hello");
  client.async_shutdown(closed.handler());
  server.async_shutdown(answered.handler());
  EXPECT_FALSE(closed.wait(io));
  EXPECT_FALSE(answered.wait(io));
}

TEST_F(serial, handler_of_a_read_runs_in_the_turn_in_which_its_data_are_found) {
  auto raw = join_sockets(io.get_executor());
  auto client = over(std::move(raw.client), role::client, true);
  auto server = over(std::move(raw.server), role::server, true);
  shake_hands(io, client, server);
  run_ready(io);
  outcome read;
  server.async_read_some(asio::buffer(got), read.handler());
  run_ready(io);
  ASSERT_FALSE(read.is_done);
  std::thread([&] { asio::write(client, asio::buffer("hello", 5)); }).join();
  EXPECT_EQ(turns_until(read), 1u);
  EXPECT_FALSE(read.ec);
}

TEST_F(serial, handshake_takes_fewer_turns_than_on_a_strand_of_its_own) {
  std::size_t turns[2] = {};
  for (const bool is_serial : {false, true}) {
    auto raw = join_sockets(io.get_executor());
    auto client = over(std::move(raw.client), role::client, is_serial);
    auto server = over(std::move(raw.server), role::server, is_serial);
    outcome first, second;
    client.async_handshake(first.handler());
    server.async_handshake(second.handler());
    turns[is_serial] = turns_until(first) + turns_until(second);
    EXPECT_FALSE(first.ec);
    EXPECT_FALSE(second.ec);
    run_ready(io);
  }
  EXPECT_LT(turns[true], turns[false]);
  EXPECT_LE(turns[true], 6u) << "three waits for input, two completions of which one was posted";
}

TEST_F(serial, strands_are_recognised) {
  const auto turns = [this](const asio::any_io_executor& ex, bool is_promised) {
    auto raw = join_sockets(ex);
    auto client = over(std::move(raw.client), role::client, is_promised);
    auto server = over(std::move(raw.server), role::server, is_promised);
    outcome first, second;
    client.async_handshake(first.handler());
    server.async_handshake(second.handler());
    const auto needed = turns_until(first) + turns_until(second);
    EXPECT_FALSE(first.ec);
    EXPECT_FALSE(second.ec);
    run_ready(io);
    return needed;
  };
  const auto strand = asio::make_strand(io);
  EXPECT_EQ(turns(strand, false), turns(strand, true));
  const auto erased = asio::make_strand(asio::any_io_executor(io.get_executor()));
  EXPECT_EQ(turns(erased, false), turns(erased, true));
}

TEST_F(serial, handshakes_time_out_each_at_its_own_deadline_in_any_order) {
  std::list<joined_sockets> raw;
  std::list<tcp_stream> streams;
  std::list<outcome> done;
  std::vector<int> order;
  const auto begin = [&](int number, std::chrono::nanoseconds timeout) {
    auto& sockets = raw.emplace_back(join_sockets(io.get_executor()));
    auto& s = streams.emplace_back(over(std::move(sockets.server), role::server, true, timeout));
    auto& o = done.emplace_back();
    s.async_handshake([&order, &o, number](const error_code& ec) {
      order.push_back(number);
      o.is_done = true;
      o.ec = ec;
    });
  };
  begin(3, 300ms);
  begin(1, 100ms);
  begin(2, 200ms);
  begin(4, std::chrono::nanoseconds::max());
  EXPECT_EQ(deadlines(), 4u);
  ASSERT_TRUE(run_until(io, [&] { return order.size() == 3; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(deadlines(), 1u);
  for (const auto& o : done) EXPECT_EQ(o.is_done ? o.ec : make_error_code(errc::timed_out), errc::timed_out);
  streams.clear();
  run(io);
  EXPECT_EQ(deadlines(), 0u);
}

TEST_F(serial, loop_ends_when_the_last_handshake_does) {
  auto raw = join_sockets(io.get_executor());
  auto client = over(std::move(raw.client), role::client, true, 1h);
  auto server = over(std::move(raw.server), role::server, true, 1h);
  outcome first, second;
  client.async_handshake(first.handler());
  server.async_handshake(second.handler());
  EXPECT_EQ(deadlines(), 2u);
  io.restart();
  io.run();  // hangs for an hour if a deadline is left behind
  EXPECT_TRUE(first.is_done && second.is_done);
  EXPECT_EQ(deadlines(), 0u);
}

TEST_F(serial, handshake_that_is_cancelled_or_destroyed_takes_its_deadline_along) {
  auto raw = join_sockets(io.get_executor());
  auto server = std::make_optional(over(std::move(raw.server), role::server, true, 1h));
  outcome done;
  server->async_handshake(done.handler());
  run_ready(io);
  EXPECT_EQ(deadlines(), 1u);
  server.reset();
  EXPECT_EQ(done.wait(io), asio::error::operation_aborted);
  EXPECT_EQ(deadlines(), 0u);
  io.restart();
  io.run();
}

}  // namespace
}  // namespace sluice::test
