// SPDX-License-Identifier: Apache-2.0
// Options of sockets arrive at the socket, or say why not.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <string>

namespace sluice::test {
namespace {

int option_of(tcp_stream& s, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(s.next_layer().native_handle(), level, name, &value, &size), 0);
  return value;
}

std::string device_of(tcp_stream& s) {
  std::array<char, 32> name{};
  socklen_t size = name.size();
  EXPECT_EQ(::getsockopt(s.next_layer().native_handle(), SOL_SOCKET, SO_BINDTODEVICE, name.data(), &size), 0);
  return name.data();
}

void expect_probes(tcp_stream& s, int idle, int interval, int probes) {
  EXPECT_NE(option_of(s, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option_of(s, IPPROTO_TCP, TCP_KEEPIDLE), idle);
  EXPECT_EQ(option_of(s, IPPROTO_TCP, TCP_KEEPINTVL), interval);
  EXPECT_EQ(option_of(s, IPPROTO_TCP, TCP_KEEPCNT), probes);
}

struct socket_options : ::testing::Test {
  asio::io_context io;
  std::optional<acceptor> in;
  std::optional<tcp_stream> client, server;
  failure error;

  error_code connect(connect_options options, acceptor_options accepting = {}) {
    options.failure = &error;
    in.emplace(io, loopback(), server_context(), std::move(accepting));
    error_code outcome;
    client.reset();
    server.reset();
    in->async_accept([this](const error_code&, tcp_stream s) { server.emplace(std::move(s)); });
    async_connect(io, client_context(), "127.0.0.1", std::to_string(in->local_endpoint().port()), options,
                  [&](const error_code& ec, tcp_stream s) {
                    outcome = ec;
                    client.emplace(std::move(s));
                  });
    EXPECT_TRUE(run_until(io, [this] { return client.has_value(); }));
    EXPECT_TRUE(run_until(io, [&] { return outcome || server.has_value(); }));
    return outcome;
  }
};

TEST_F(socket_options, by_default_are_no_delay_and_no_probes) {
  ASSERT_FALSE(connect({}));
  for (auto* s : {&*client, &*server}) {
    EXPECT_NE(option_of(*s, IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_EQ(option_of(*s, SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(device_of(*s), "");
  }
}

TEST_F(socket_options, of_a_client_are_set) {
  const tcp_options tcp{.no_delay = false, .keep_alive = {.idle = 61s, .interval = 7s, .probes = 4}};
  ASSERT_FALSE(connect({.tcp = tcp, .interface = "lo", .local_address = "127.0.0.5"})) << error.message();
  EXPECT_EQ(option_of(*client, IPPROTO_TCP, TCP_NODELAY), 0);
  expect_probes(*client, 61, 7, 4);
  EXPECT_EQ(device_of(*client), "lo");
  EXPECT_EQ(client->next_layer().local_endpoint().address().to_string(), "127.0.0.5");
  EXPECT_EQ(server->next_layer().remote_endpoint().address().to_string(), "127.0.0.5");
  EXPECT_EQ(option_of(*server, SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST_F(socket_options, of_an_acceptor_are_those_of_what_it_accepts) {
  acceptor_options accepting;
  accepting.tcp = {.no_delay = false, .keep_alive = {.idle = 62s, .interval = 8s, .probes = 5}};
  accepting.interface = "lo";
  ASSERT_FALSE(connect({}, std::move(accepting)));
  EXPECT_EQ(option_of(*server, IPPROTO_TCP, TCP_NODELAY), 0);
  expect_probes(*server, 62, 8, 5);
  EXPECT_EQ(device_of(*server), "lo");
}

TEST_F(socket_options, interval_and_count_may_be_the_systems) {
  ASSERT_FALSE(connect({}));
  const auto interval = option_of(*client, IPPROTO_TCP, TCP_KEEPINTVL);
  const auto probes = option_of(*client, IPPROTO_TCP, TCP_KEEPCNT);
  ASSERT_FALSE(connect({.tcp = {.keep_alive = {.idle = 33s}}}));
  expect_probes(*client, 33, interval, probes);
}

TEST_F(socket_options, that_the_system_refuses_are_wrong_usage) {
  const auto refused = [this](const connect_options& options, const std::string& where) {
    EXPECT_EQ(connect(options), make_error_code(errc::invalid_argument)) << where;
    EXPECT_EQ(error.where, where);
    EXPECT_FALSE(error.detail.empty());
  };
  refused({.tcp = {.keep_alive = {.idle = 40000s}}}, "keep_alive.idle");
  refused({.tcp = {.keep_alive = {.idle = -1s}}}, "keep_alive.idle");
  refused({.tcp = {.keep_alive = {.idle = 10000000000s}}}, "keep_alive.idle");
  refused({.tcp = {.keep_alive = {.idle = 1s, .interval = 40000s}}}, "keep_alive.interval");
  refused({.tcp = {.keep_alive = {.idle = 1s, .probes = 128}}}, "keep_alive.probes");
  refused({.interface = "nosuch0"}, "interface");
  refused({.interface = "sixteen-bytes-xx"}, "interface");
  refused({.local_address = "localhost"}, "local_address");
  refused({.local_address = "192.0.2.1"}, "local_address");
}

TEST_F(socket_options, local_address_of_the_other_family_reaches_nobody) {
  EXPECT_EQ(connect({.local_address = "::1"}), make_error_code(errc::unreachable));
  EXPECT_EQ(error.at, phase::connect);
}

TEST_F(socket_options, of_an_acceptor_that_are_refused_are_thrown) {
  const auto thrown_for = [this](acceptor_options options) -> std::string {
    try {
      acceptor refused(io, loopback(), server_context(), std::move(options));
    } catch (const sluice::error& e) {
      EXPECT_EQ(e.code(), make_error_code(errc::invalid_argument));
      return e.why().where;
    }
    return "nothing";
  };
  acceptor_options options;
  options.interface = "nosuch0";
  EXPECT_EQ(thrown_for(options), "interface");
  options.interface.clear();
  options.tcp.keep_alive.idle = 40000s;
  EXPECT_EQ(thrown_for(options), "keep_alive.idle");
}

}  // namespace
}  // namespace sluice::test
