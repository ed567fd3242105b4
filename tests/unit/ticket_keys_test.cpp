// SPDX-License-Identifier: Apache-2.0
// A server's ticket keys go on for as long as its context lives; connections keep the configuration they began with.
#include "support/certs.hpp"
#include "support/movable_clock.hpp"
#include "support/pair.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

testkit::issued long_lived() {
  return root()
      .issue({.common_name = "localhost", .names = {"localhost"}, .validity = std::chrono::hours(24 * 4000)}, "ec256")
      .value();
}

struct ticket_keys : ::testing::Test {
  context server(const ticket_options& tickets = {}, version_range versions = {}) const {
    const auto made = long_lived();
    server_options options{.identities = {identity::from_pem(made.chain, made.key).value()}};
    options.tickets = tickets;
    options.versions = versions;
    options.clock = time;
    return context::server(options).value();
  }
  // By its own clock, or else the authority of the tests has expired.
  static context client() { return client_context({.sessions = make_session_store()}); }
  static bool meet(const context& client, const context& server) {
    pair p(client, server);
    EXPECT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
    EXPECT_EQ(p.server_to_client("hello"), "hello");
    return p.client.info().resumed;
  }
  const std::shared_ptr<movable_clock> time = std::make_shared<movable_clock>();
};

TEST_F(ticket_keys, never_run_out) {
  for (const auto v : {tls_version::tls1_2, tls_version::tls1_3}) {
    const auto tls = server({}, {v, v});
    for (const int day : {0, 1, 10, 22, 23, 24, 25, 46, 47, 48, 100, 1000, 500, 0}) {
      time->by = 24h * day;
      const auto c = client();
      EXPECT_FALSE(meet(c, tls)) << day;
      EXPECT_TRUE(meet(c, tls)) << day;
      EXPECT_TRUE(meet(c, tls)) << day;
    }
  }
}

// Each hour for five days, with keys of an hour: tickets of the hours before are opened, whatever was replaced between.
TEST_F(ticket_keys, open_tickets_for_all_of_their_lifetime) {
  const auto tls = server({.key_period = 1h, .session_lifetime = 15h}, {tls_version::tls1_2, tls_version::tls1_2});
  for (int hour = 0; hour < 120; hour += 7) {
    time->by = std::chrono::hours(hour);
    const auto c = client();
    EXPECT_FALSE(meet(c, tls));
    time->by = std::chrono::hours(hour + 14);
    EXPECT_TRUE(meet(c, tls)) << hour;
  }
}

TEST_F(ticket_keys, of_a_server_that_starts_open_what_others_with_the_seed_gave_earlier) {
  const auto seed = std::make_shared<const secret>(std::string_view("0123456789abcdef0123456789abcdef"));
  const auto c = client();
  EXPECT_FALSE(meet(c, server({.seed = seed, .key_period = 1h, .session_lifetime = 15h})));
  time->by = 14h;
  EXPECT_TRUE(meet(c, server({.seed = seed, .key_period = 1h, .session_lifetime = 15h})));
}

TEST_F(ticket_keys, change_for_new_connections_and_not_for_those_that_exist) {
  const auto tls = server();
  const auto c = client();
  pair old(c, tls), young(c, tls);
  ASSERT_TRUE(old.handshake());
  pair::drive(young.client, young.client_io);
  time->by = 24h * 30;
  EXPECT_FALSE(meet(client(), tls));
  EXPECT_EQ(old.server_to_client("still here"), "still here");
  ASSERT_TRUE(young.handshake()) << young.server.last_failure().message();
  EXPECT_EQ(young.client_to_server("and here"), "and here");
}

TEST_F(ticket_keys, of_the_day_are_those_of_a_connection_that_is_reset) {
  const auto tls = server();
  const auto c = client();
  pair p(c, tls);
  ASSERT_TRUE(p.handshake());
  for (const int day : {30, 60}) {
    time->by = 24h * day;
    for (int i = 0; i < 2; ++i) {
      p.to_server = p.to_client = {};
      p.client.reset({.server_name = "localhost", .alpn = {}});
      p.server.reset();
      ASSERT_TRUE(p.handshake()) << p.server.last_failure().message();
      EXPECT_EQ(p.server_to_client("hello"), "hello");
      EXPECT_EQ(p.client.info().resumed, i > 0) << day;
    }
  }
}

TEST_F(ticket_keys, change_while_many_threads_begin_connections) {
  const auto tls = server({.key_period = 1h, .session_lifetime = 1h});
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const auto c = client();
      for (int round = 0; round < 10; ++round) {
        if (i == 0) time->by = time->by.load() + 40h;
        meet(c, tls);
      }
    });
  }
}

TEST_F(ticket_keys, are_changed_at_most_every_hour_and_at_least_every_ten_years) {
  server_options options{.identities = {site_identity()}};
  for (const auto period : {std::chrono::hours(-1), std::chrono::hours(0), std::chrono::hours(24 * 365 * 11)}) {
    options.tickets = ticket_options{.key_period = period};
    EXPECT_EQ(context::server(options).error().code, errc::invalid_argument) << period.count();
  }
  options.tickets = ticket_options{.session_lifetime = -1s};
  EXPECT_EQ(context::server(options).error().code, errc::invalid_argument);
  options.tickets = ticket_options{.key_period = 24h * 3650, .session_lifetime = 24h * 3650};
  EXPECT_TRUE(context::server(options));
}

}  // namespace
}  // namespace sluice::test
