// SPDX-License-Identifier: Apache-2.0
// Sessions over sockets: kept by port, untouched by connections that never came about, and never a reason to fail.
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/peer_process.hpp"

#include <optional>
#include <stdexcept>

namespace sluice::test {
namespace {

struct noting_store final : session_store {
  void put(std::string_view key, std::span<const std::byte> session, std::chrono::seconds lifetime) override {
    inner->put(key, session, lifetime);
  }
  std::optional<secret> take(std::string_view key) override {
    taken.emplace_back(key);
    return inner->take(key);
  }
  std::vector<std::string> taken;
  std::shared_ptr<session_store> inner = make_session_store();
};

std::string port_of(const acceptor& in) { return std::to_string(in.local_endpoint().port()); }

struct session_sockets : ::testing::Test {
  asio::io_context io;

  // A connection and a little traffic. Was it resumed?
  bool visit(const context& tls, acceptor& in, const connect_options& wishes = {}) {
    std::optional<tcp_stream> client, server;
    in.async_accept([&](error_code ec, tcp_stream s) {
      EXPECT_FALSE(ec);
      server.emplace(std::move(s));
    });
    async_connect(io, tls, "localhost", port_of(in), wishes, [&](error_code ec, tcp_stream s) {
      EXPECT_FALSE(ec) << s.last_failure().message();
      client.emplace(std::move(s));
    });
    EXPECT_TRUE(run_until(io, [&] { return client && server; }));
    EXPECT_EQ(pass(io, *server, *client, "hello"), "hello");
    return client->info().resumed;
  }
};

TEST_F(session_sockets, two_ports_of_a_host_have_sessions_of_their_own) {
  const auto store = std::make_shared<noting_store>();
  const auto tls = client_context({.sessions = store});
  acceptor one(io, loopback(), server_context()), two(io, loopback(), server_context());
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(visit(tls, one), round > 0);
    EXPECT_EQ(visit(tls, two), round > 0);
  }
  EXPECT_TRUE(store->taken[0].starts_with("localhost:" + port_of(one) + " ")) << store->taken[0];
  // Through a proxy the port that is connected to is not the server's.
  visit(tls, one, {.session_port = 443});
  EXPECT_TRUE(store->taken.back().starts_with("localhost:443 ")) << store->taken.back();
}

TEST_F(session_sockets, a_connection_that_never_came_about_takes_none) {
  const auto store = std::make_shared<noting_store>();
  const auto tls = client_context({.sessions = store});
  for (const auto* host : {"localhost", "127.0.0.1"}) {
    std::optional<error_code> met;
    async_connect(io, tls, host, std::to_string(free_port()), {.timeout = 60s}, [&](error_code ec, tcp_stream s) {
      met = ec;
      EXPECT_EQ(s.last_failure().code, ec);
      EXPECT_FALSE(s.is_established());
    });
    EXPECT_TRUE(run_until(io, [&] { return met.has_value(); }));
    EXPECT_TRUE(*met);
  }
  EXPECT_TRUE(store->taken.empty());
}

TEST_F(session_sockets, a_store_that_throws_ends_no_operation) {
  struct away final : session_store {
    void put(std::string_view, std::span<const std::byte>, std::chrono::seconds) override {
      throw 7;  // anything may be thrown: NOLINT(bugprone-std-exception-baseclass)
    }
    std::optional<secret> take(std::string_view) override { throw std::runtime_error("the store is away"); }
  };
  const auto watch = std::make_shared<counters>();
  const auto tls = client_context({.sessions = std::make_shared<away>(), .observer = watch});
  acceptor in(io, loopback(), server_context());
  EXPECT_FALSE(visit(tls, in));
  EXPECT_EQ(watch->snapshot().warnings, 2u);
}

}  // namespace
}  // namespace sluice::test
