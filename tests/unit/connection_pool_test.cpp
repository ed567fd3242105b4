// SPDX-License-Identifier: Apache-2.0
// Connections of the engine that are wiped and used again: by the next connection of the same configuration, as if new.
#include "core/context_state.hpp"
#include "support/flavour.hpp"
#include "support/movable_clock.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

namespace sluice::test {
namespace {

internal::engine_configuration engine_of(const context& c) {
  const auto& state = *internal::access::state(c);
  return state.engine.current(state);
}
std::size_t kept_connections(const context& c) { return engine_of(c)->pool.size(); }

struct used_again : ::testing::TestWithParam<flavour> {
  context server(server_options options = {}) const {
    options.identities = {site_identity(GetParam().key_type)};
    options.versions = GetParam().versions();
    return server_context(std::move(options));
  }
};

TEST_P(used_again, is_a_connection_that_was_established) {
  const auto client = client_context(), server = this->server();
  for (int round = 0; round < 5; ++round) {
    {
      pair p(client, server);
      EXPECT_EQ(kept_connections(client) + kept_connections(server), 0u);
      ASSERT_TRUE(p.handshake()) << round << '\n' << why(p);
      EXPECT_EQ(p.client_to_server("hello"), "hello");
      EXPECT_EQ(p.server_to_client("there"), "there");
      if (round % 2 != 0) p.client.release_buffers();
      if (round % 2 != 0) p.server.release_buffers();
    }
    EXPECT_EQ(kept_connections(client), 1u);
    EXPECT_EQ(kept_connections(server), 1u);
  }
}

TEST_P(used_again, knows_nothing_of_the_connection_before) {
  const auto client = client_context({.alpn = {"one"}}), server = this->server({.alpn = {"one", "two"}});
  { ASSERT_TRUE(pair(client, server).handshake()); }
  const std::vector<std::string> two = {"two"};
  pair p(client, server, {.server_name = "127.0.0.1", .alpn = two});
  EXPECT_EQ(p.client.info().alpn, "");
  EXPECT_TRUE(p.client.verified_chain().empty());
  EXPECT_FALSE(p.client.has_buffered_input());
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().alpn, "two");
  EXPECT_EQ(p.server.info().server_name, "");
  pair wrong(client, server, {.server_name = "elsewhere.example"});
  EXPECT_FALSE(wrong.handshake());
  EXPECT_EQ(wrong.client.last_failure().code, errc::name_mismatch);
}

// Data and a handshake message that never left, and input that was never read.
TEST_P(used_again, keeps_nothing_that_was_on_the_way) {
  const auto client = client_context(), server = this->server();
  {
    pair p(client, server);
    ASSERT_TRUE(p.handshake()) << why(p);
    write_text(p.client, p.client_io, random_text(40'000));
    std::vector<std::byte> some(10);
    EXPECT_EQ(p.server.read(p.server_io, some).bytes, some.size());
    EXPECT_TRUE(p.server.has_buffered_input());
    p.server_io.accepts_output = false;
    EXPECT_EQ(write_text(p.server, p.server_io, "never sent").next, want::write);
  }
  EXPECT_EQ(kept_connections(server), 1u);
  pair p(client, server);
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client_to_server("first"), "first");
  EXPECT_EQ(p.server_to_client("second"), "second");
}

TEST_P(used_again, is_none_that_failed_or_was_not_established) {
  const auto client = client_context(), server = this->server();
  { pair never_begun(client, server); }
  {
    pair half(client, server);
    half.client.handshake(half.client_io);
    half.server.handshake(half.server_io);
  }
  {
    pair wrong(client, server, {.server_name = "elsewhere.example"});
    EXPECT_FALSE(wrong.handshake());
  }
  {
    pair cut(client, server);
    ASSERT_TRUE(cut.handshake()) << why(cut);
    for (auto* way : {&cut.to_client, &cut.to_server}) way->is_cut = true;
    std::vector<std::byte> some(10);
    EXPECT_EQ(cut.client.read(cut.client_io, some).error, errc::truncated);
    EXPECT_EQ(cut.server.read(cut.server_io, some).error, errc::truncated);
  }
  { connection wrong_role(server, role::client, connection_options{.server_name = "localhost"}); }
  EXPECT_EQ(kept_connections(client), 0u);
  EXPECT_EQ(kept_connections(server), 0u);
}

TEST_P(used_again, is_one_that_was_reset_and_established) {
  const auto client = client_context(), server = this->server();
  {
    pair p(client, server, {.server_name = "elsewhere.example"});
    EXPECT_FALSE(p.handshake());
    p.client.reset({.server_name = "localhost"});
    p.server.reset();
    for (auto* w : {&p.to_client, &p.to_server}) *w = {};
    EXPECT_TRUE(p.handshake()) << why(p);
  }
  EXPECT_EQ(kept_connections(client), 1u);
}

TEST_P(used_again, are_at_most_64) {
  const auto client = client_context(), server = this->server();
  std::vector<std::unique_ptr<pair>> all;
  for (std::size_t i = 0; i < internal::connection_pool::max_kept + 3; ++i) {
    all.push_back(std::make_unique<pair>(client, server));
    ASSERT_TRUE(all.back()->handshake()) << why(*all.back());
  }
  all.clear();
  EXPECT_EQ(kept_connections(client), internal::connection_pool::max_kept);
  EXPECT_EQ(kept_connections(server), internal::connection_pool::max_kept);
}

// The engine's connection points into its configuration's trust store.
TEST_P(used_again, outlives_neither_its_context_nor_its_configuration) {
  std::optional<pair> p;
  {
    const auto client = client_context(), server = this->server();
    p.emplace(client, server);
  }
  ASSERT_TRUE(p->handshake()) << why(*p);
  p.reset();

  const auto time = std::make_shared<movable_clock>();
  const auto long_lived =
      root().issue({.names = {"localhost"}, .validity = std::chrono::hours(24 * 4000)}, "ec256").value();
  server_options options{.identities = {identity::from_pem(long_lived.chain, long_lived.key).value()}};
  options.versions = GetParam().versions();
  options.client_auth = client_auth::optional;
  options.trust = trust_root();
  options.clock = time;
  const auto client = client_context(), server = context::server(options).value();
  const std::weak_ptr first = engine_of(server);
  { ASSERT_TRUE(pair(client, server).handshake()); }
  EXPECT_EQ(kept_connections(server), 1u);
  p.emplace(client, server);
  ASSERT_TRUE(p->handshake()) << why(*p);
  time->by = std::chrono::hours(24 * 100);  // new ticket keys, and so another configuration
  EXPECT_NE(engine_of(server), first.lock());
  EXPECT_EQ(kept_connections(server), 0u);
  EXPECT_FALSE(first.expired());
  p.reset();
  EXPECT_TRUE(first.expired());
  EXPECT_EQ(kept_connections(server), 0u);
  EXPECT_TRUE(pair(client, server).handshake());
  EXPECT_EQ(kept_connections(server), 1u);
}

INSTANTIATE_TEST_SUITE_P(pool, used_again, ::testing::Values(tls12, tls13), flavour_name);

TEST(used_again, is_none_that_has_a_configuration_of_its_own) {
  const auto first = testkit::authority::make_root("Same Root").value();
  const auto second = testkit::authority::make_root("Same Root").value();
  const auto all = trust::from_pem(first.certificate() + second.certificate(), "both").value();
  const auto made = second.issue({.names = {"localhost"}}).value();
  const auto client = client_context({.trust = all});
  const auto server = server_context({.identities = {identity::from_pem(made.chain, made.key).value()}});
  for (int i = 0; i < 2; ++i) {
    pair p(client, server);
    EXPECT_TRUE(p.handshake()) << why(p);
  }
  EXPECT_EQ(kept_connections(client), 0u);
}

}  // namespace
}  // namespace sluice::test
