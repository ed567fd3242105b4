// SPDX-License-Identifier: Apache-2.0
// Clients that have not sent their first record cost a socket and nothing else: they delay nobody, whatever their
// number, and when there are too many the oldest goes.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <list>
#include <optional>

namespace sluice::test {
namespace {

// From another address of the loopback.
tcp::endpoint from(unsigned last) { return {asio::ip::address_v4(0x7f000000u + last), 0}; }

// A client whose ClientHello is in hand, to be sent by whoever has it.
struct held_client {
  explicit held_client(asio::io_context& io) : between(join_sockets(io.get_executor())) {
    client.async_handshake(shaken.handler());
    outcome got;
    between.server.async_read_some(asio::buffer(hello), got.handler());
    EXPECT_FALSE(got.wait(io));
    hello.resize(got.bytes);
  }
  joined_sockets between;
  tcp_stream client{std::move(between.client), client_context(), "localhost"};
  outcome shaken;
  std::string hello = std::string(4096, '\0');
};

struct silent : ::testing::Test {
  asio::io_context io;
  std::vector<std::pair<failure, tcp::endpoint>> troubles;
  std::optional<acceptor> in;
  std::list<tcp::socket> quiet;
  std::list<std::pair<tcp_stream, outcome>> clients;
  std::list<tcp_stream> accepted;

  void open(acceptor_options options = {}) {
    options.on_failure = [this](const failure& error, const tcp::endpoint& peer) {
      troubles.emplace_back(error, peer);
    };
    in.emplace(io, loopback(), server_context(), std::move(options));
    accept();
  }
  void accept() {
    in->async_accept([this](const error_code& ec, tcp_stream s) {
      if (ec) return;
      accepted.push_back(std::move(s));
      accept();
    });
  }
  tcp::socket& connect(const tcp::endpoint& source = from(1), const std::string& text = {}) {
    auto& s = quiet.emplace_back(io);
    s.open(tcp::v4());
    s.bind(source);
    s.connect(in->local_endpoint());
    if (!text.empty()) asio::write(s, asio::buffer(text));
    return s;
  }
  // Whether the server has closed it by now.
  bool is_closed(tcp::socket& s) {
    char byte;
    error_code ec;
    s.non_blocking(true);
    s.read_some(asio::buffer(&byte, 1), ec);
    return ec != asio::error::would_block;
  }
  void serve(const tcp::endpoint& source) {
    tcp::socket s(io, tcp::v4());
    s.bind(source);
    s.connect(in->local_endpoint());
    auto& c = clients.emplace_back(tcp_stream(std::move(s), client_context(), "localhost"), outcome());
    const auto began = clock_type::now();
    c.first.async_handshake(c.second.handler());
    EXPECT_FALSE(c.second.wait(io)) << c.first.last_failure().message();
    EXPECT_LT(clock_type::now() - began, 5s) << "it was delayed";
  }
};

TEST_F(silent, clients_delay_no_other_from_their_own_or_another_address) {
  open({.handshake_timeout = 60s, .max_handshakes = 4, .max_silent = 32});
  for (int i = 0; i < 200; ++i) connect();
  serve(from(1));
  serve(from(2));
  for (int i = 0; i < 100; ++i) connect(from(1), std::string("\x16\x03", 2));  // no more than a beginning
  serve(from(1));
  serve(from(2));
  EXPECT_LE(in->silent_connections(), 32u);
  EXPECT_TRUE(run_until(io, [this] { return in->handshakes_in_flight() == 0 && accepted.size() == 4; }));
}

// Each has its socket, and the one place for a handshake is free for who speaks.
TEST_F(silent, clients_hold_no_place_of_a_handshake) {
  constexpr std::size_t many = 200;
  open({.handshake_timeout = 60s, .max_handshakes = 1});
  for (std::size_t i = 0; i < many; ++i) connect();
  ASSERT_TRUE(run_until(io, [this] { return in->silent_connections() == many; }));
  EXPECT_EQ(in->handshakes_in_flight(), 0u);
  for (const unsigned last : {1u, 2u, 1u}) serve(from(last));
  EXPECT_TRUE(run_until(io, [this] { return accepted.size() == 3; }));
  EXPECT_EQ(in->silent_connections(), many);
  EXPECT_TRUE(std::ranges::none_of(quiet, [this](tcp::socket& s) { return is_closed(s); }));
  EXPECT_TRUE(troubles.empty());
}

// What the header says of one that stalls within its handshake: it has its place until the time-out, and no longer.
TEST_F(silent, is_not_a_client_that_stalls_in_its_handshake_and_holds_a_place_until_the_timeout) {
  open({.handshake_timeout = 1s, .max_handshakes = 1});
  tcp::socket stalls(io);
  stalls.connect(in->local_endpoint());
  held_client client(io);
  asio::write(stalls, asio::buffer(client.hello));
  ASSERT_TRUE(run_until(io, [this] { return in->handshakes_in_flight() == 1; }));
  serve(from(2));
  ASSERT_EQ(troubles.size(), 1u);
  EXPECT_EQ(troubles[0].first.code, errc::timed_out) << "who was served had to wait for this";
  EXPECT_EQ(troubles[0].second, stalls.local_endpoint());
}

TEST_F(silent, clients_that_are_too_many_lose_the_oldest) {
  open({.handshake_timeout = 60s, .max_silent = 3});
  std::vector<tcp::socket*> all;
  for (int i = 0; i < 5; ++i) {
    all.push_back(&connect());
    ASSERT_TRUE(run_until(io, [&] { return in->silent_connections() == std::min<std::size_t>(all.size(), 3); }));
    run_ready(io);
  }
  ASSERT_TRUE(run_until(io, [this] { return troubles.size() >= 2; }));
  EXPECT_TRUE(is_closed(*all[0]));
  EXPECT_TRUE(is_closed(*all[1]));
  EXPECT_FALSE(is_closed(*all[4])) << "the newest is never the one";
  EXPECT_EQ(troubles[0].second, all[0]->local_endpoint());
  EXPECT_EQ(troubles[0].first.code, errc::timed_out) << troubles[0].first.message();
  EXPECT_EQ(troubles[0].first.from, origin::peer);
}

TEST_F(silent, address_with_a_share_loses_its_own_oldest) {
  open({.handshake_timeout = 60s, .max_silent_per_address = 2});
  auto& other = connect(from(2));
  auto& oldest = connect(from(1));
  auto& older = connect(from(1));
  ASSERT_TRUE(run_until(io, [this] { return in->silent_connections() == 3; }));
  auto& newest = connect(from(1));
  ASSERT_TRUE(run_until(io, [this] { return troubles.size() == 1; }));
  EXPECT_EQ(troubles[0].second, oldest.local_endpoint());
  EXPECT_TRUE(is_closed(oldest));
  EXPECT_FALSE(is_closed(older) || is_closed(newest) || is_closed(other));
  serve(from(1));
}

TEST_F(silent, clients_have_a_time_of_their_own) {
  open({.handshake_timeout = 60s, .silent_timeout = 200ms});
  const auto began = clock_type::now();
  auto& mute = connect();
  ASSERT_TRUE(run_until(io, [this] { return troubles.size() == 1; }));
  EXPECT_GE(clock_type::now() - began, 200ms);
  EXPECT_LT(clock_type::now() - began, 10s);
  EXPECT_EQ(troubles[0].first.code, errc::timed_out);
  EXPECT_TRUE(is_closed(mute));
  EXPECT_EQ(in->silent_connections(), 0u);
}

// A browser connects ahead of need and speaks later; its hello may come in pieces.
TEST_F(silent, client_that_speaks_late_and_in_pieces_is_served) {
  open({.handshake_timeout = 2s, .silent_timeout = 60s});
  tcp::socket s(io);
  s.connect(in->local_endpoint());
  ASSERT_TRUE(run_until(io, [this] { return in->silent_connections() == 1; }));
  held_client client(io);
  for (std::size_t at = 0; at < client.hello.size(); ++at) {
    EXPECT_EQ(in->handshakes_in_flight(), 0u) << at;
    asio::write(s, asio::buffer(client.hello.data() + at, 1));
    if (at < 8 || at + 8 > client.hello.size()) run_ready(io);
  }
  ASSERT_TRUE(run_until(io, [this] { return in->handshakes_in_flight() == 1; }));
  // The rest goes to and fro as it comes.
  std::string up(16384, '\0'), down(16384, '\0');
  s.non_blocking(true);
  auto& relayed = client.between.server;
  relayed.non_blocking(true);
  ASSERT_TRUE(run_until(io, [&] {
    error_code ec;
    if (const auto n = s.read_some(asio::buffer(down), ec); n > 0) asio::write(relayed, asio::buffer(down, n));
    if (const auto n = relayed.read_some(asio::buffer(up), ec); n > 0) asio::write(s, asio::buffer(up, n));
    return client.shaken.is_done && !accepted.empty();
  }));
  EXPECT_FALSE(client.shaken.ec) << client.shaken.ec.message();
}

TEST_F(silent, clients_give_way_where_descriptors_run_out) {
  open({.handshake_timeout = 60s});
  auto& first = connect();
  ASSERT_TRUE(run_until(io, [this] { return in->silent_connections() == 1; }));
  tcp::socket s(io);
  s.connect(in->local_endpoint());  // in the backlog
  const int probe = ::dup(0);
  ::close(probe);
  rlimit before{}, none{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  none = before;
  none.rlim_cur = static_cast<rlim_t>(probe);
  ::setrlimit(RLIMIT_NOFILE, &none);
  const bool was_accepted = run_until(io, [&] { return troubles.size() == 1; });
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(was_accepted);
  EXPECT_TRUE(is_closed(first));
  EXPECT_EQ(troubles[0].first.code, errc::timed_out) << troubles[0].first.message();
}

TEST_F(silent, client_whose_failure_handler_throws_does_no_harm) {
  acceptor_options options;
  options.silent_timeout = 50ms;
  options.on_failure = [](const failure&, const tcp::endpoint&) { throw std::runtime_error("the program's own"); };
  in.emplace(io, loopback(), server_context(), std::move(options));
  accept();
  connect();
  io.restart();
  EXPECT_THROW(io.run_for(20s), std::runtime_error);
  serve(from(1));
  ASSERT_TRUE(run_until(io, [this] { return accepted.size() == 1; }));
}

}  // namespace
}  // namespace sluice::test
