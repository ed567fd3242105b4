// SPDX-License-Identifier: Apache-2.0
// What a context is made of, what it refuses to be made of, and that it lives as long as it is needed.
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/signer.hpp"
#include "support/watch.hpp"

#include "sluice/dangerous.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::test {
namespace {

TEST(context, of_a_server_needs_an_identity) {
  const auto made = context::server({});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, make_error_code(errc::no_certificate));
  EXPECT_EQ(made.error().where, "server");
}

TEST(context, says_what_it_was_made_of) {
  const auto watch = std::make_shared<recorder>();
  const auto client = client_context({.alpn = {"h2"}, .observer = watch});
  EXPECT_EQ(client.side(), role::client);
  EXPECT_EQ(client.policy().name, "default");
  EXPECT_EQ(client.alpn(), std::vector<std::string>{"h2"});
  EXPECT_TRUE(client.verifies());
  EXPECT_EQ(client.observer(), watch);
  const auto server = server_context({.versions = {tls_version::tls1_3, {}}});
  EXPECT_EQ(server.side(), role::server);
  EXPECT_EQ(server.policy().min, tls_version::tls1_3);
  EXPECT_FALSE(server.verifies());
  EXPECT_TRUE(server_context({.client_auth = client_auth::optional, .trust = trust_root()}).verifies());
}

TEST(context, with_an_unknown_policy_or_a_contradiction_is_refused_by_both_roles) {
  const auto refused = [](const std::string& policy, version_range versions, errc cause) {
    const auto client = context::client({.trust = trust_root(), .policy = policy, .versions = versions});
    const auto server = context::server({.identities = {site_identity()}, .policy = policy, .versions = versions});
    ASSERT_FALSE(client);
    ASSERT_FALSE(server);
    EXPECT_EQ(client.error().code, make_error_code(cause));
    EXPECT_EQ(server.error().code, make_error_code(cause));
  };
  refused("no-such-policy", {}, errc::unknown_policy);
  refused("default", {{}, tls_version::tls1_2}, errc::policy_conflict);
  refused("", {tls_version::tls1_3, tls_version::tls1_2}, errc::policy_conflict);
  refused("test_all", {}, errc::unknown_policy);
}

TEST(context, outlives_everything_it_was_made_from) {
  auto p = [] {
    const auto made = root().issue({.common_name = "localhost", .names = {"localhost"}}).value();
    auto id = std::make_unique<identity>(identity::from_pem(made.chain, made.key).value());
    auto believed = std::make_unique<trust>(trust_root());
    auto client = std::make_unique<context>(context::client({.trust = *believed}).value());
    auto server = std::make_unique<context>(context::server({.identities = {*id}}).value());
    id.reset();
    believed.reset();
    pair joined(*client, *server);
    client.reset();
    server.reset();
    return joined;
  }();
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client_to_server("still"), "still");
}

TEST(context, is_shared_by_threads) {
  const auto client = client_context();
  const auto server = server_context({.identities = {site_identity("ec256"), site_identity("rsa2048")}});
  std::vector<std::thread> threads;
  std::atomic<int> succeeded{0};
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        pair p(client, server);
        if (p.handshake() && p.client_to_server("x") == "x") ++succeeded;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(succeeded, 40);
}

TEST(context, is_made_by_threads_from_the_same_files) {
  const auto chain = folder().write("shared.pem", site().chain);
  const auto key = folder().write("shared.key", site().key);
  const auto ca = folder().write("shared-ca.pem", root().certificate());
  std::vector<std::thread> threads;
  std::atomic<int> made{0};
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        const auto id = identity::from_pem_files(chain, key);
        const auto believed = trust::from_file(ca);
        if (id && believed && context::server({.identities = {*id}}) && context::client({.trust = *believed})) ++made;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(made, 40);
}

TEST(context, chooses_the_identity_by_what_the_client_can_verify) {
  const auto server = server_context({.identities = {site_identity("rsa2048"), site_identity("ec256")}});
  pair p(client_context(), server);
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.verified_chain()[0].key(), "ECDSA P-256");
}

TEST(context, of_a_client_takes_one_identity_in_memory_or_elsewhere) {
  const auto generated = signer_site("rsa2048");
  EXPECT_TRUE(context::client(
      {.identity = identity::from_chain(generated.chain, generated.key).value(), .trust = trust_root()}));
  EXPECT_TRUE(context::client({.identity = site_identity(), .trust = trust_root()}));
}

constexpr auto warning =
    "sluice: certificate verification is OFF for this context (X.509 validation disabled); outside tests this is a "
    "vulnerability";

TEST(verification_off, is_said_word_for_word_on_stderr_once_a_context) {
  ::testing::internal::CaptureStderr();
  const auto ctx = client_context({.verify = dangerous::accept_any_certificate()});
  for (int i = 0; i < 3; ++i) {
    pair p(ctx, server_context());
    p.handshake();
    const auto copy = ctx;  // NOLINT(performance-unnecessary-copy-initialization): a copy says it as well
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), std::string(warning) + '\n');
}

TEST(verification_off, is_said_to_the_observer_instead_where_there_is_one) {
  const auto watch = std::make_shared<recorder>();
  ::testing::internal::CaptureStderr();
  client_context({.verify = dangerous::accept_any_certificate(), .observer = watch});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(watch->warnings(), std::vector<std::string>{warning});
}

TEST(verification_off, is_said_of_no_context_that_was_refused_and_of_none_that_verifies) {
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(context::client({.policy = "no-such-policy", .verify = dangerous::accept_any_certificate()}));
  client_context();
  server_context();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(key_log, has_the_lines_that_undo_the_encryption) {
  for (const auto& f : {tls12, tls13}) {
    std::vector<std::string> lines;
    client_options client;
    client.key_log = [&lines](std::string_view line) { lines.emplace_back(line); };
    auto p = make_pair(f, client);
    ASSERT_TRUE(p.handshake());
    ASSERT_FALSE(lines.empty());
    for (const auto& line : lines) {
      EXPECT_EQ(line.find('\n'), line.npos);
      EXPECT_TRUE(line.starts_with("CLIENT_") || line.starts_with("SERVER_") || line.starts_with("EXPORTER_")) << line;
    }
    EXPECT_EQ(lines.size() > 1, f.version == tls_version::tls1_3);
  }
}

TEST(key_log, that_throws_costs_the_connection_nothing) {
  client_options client;
  client.key_log = [](std::string_view) { throw std::runtime_error("disk full"); };
  auto p = make_pair(tls13, client);
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client_to_server("hello"), "hello");
}

}  // namespace
}  // namespace sluice::test
