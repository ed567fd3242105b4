// SPDX-License-Identifier: Apache-2.0
// Chains that were found good are not parsed again; what can change from one handshake to the next is checked each
// time.
#include "core/context_state.hpp"
#include "testkit/authority/staple.hpp"
#include "support/bytes.hpp"
#include "support/flavour.hpp"
#include "support/movable_clock.hpp"
#include "support/sessions.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

using internal::chain_memory;
using namespace std::chrono_literals;

constexpr std::chrono::sys_seconds noon(1'700'000'000s);

struct asked_chain {
  std::string server, leaf, rest;
  bool is_ip = false, signs = true;
};

template <class Use>
auto ask_about(const asked_chain& a, Use use) {
  const std::vector<internal::der_view> chain = {bytes_of(a.leaf), bytes_of(a.rest)};
  return use(chain_memory::subject{.server = a.server, .is_ip = a.is_ip, .signs = a.signs, .chain = chain});
}
bool knows_chain(const chain_memory& memory, const asked_chain& a, std::chrono::sys_seconds now = noon) {
  return ask_about(a, [&](const auto& about) { return memory.find(about, now).has_value(); });
}
bool add_chain(chain_memory& memory, const asked_chain& a, const chain_memory::verdict& found = {}) {
  auto made = ask_about(a, [&](const auto& about) { return chain_memory::make(about, found); });
  if (made) memory.add(std::move(*made));
  return made.has_value();
}

TEST(chain_memory, knows_exactly_what_was_added) {
  chain_memory memory;
  EXPECT_FALSE(knows_chain(memory, {"a", "leaf", "root"}));
  EXPECT_TRUE(add_chain(memory, {"a", "leaf", "root"}, {.promises_staple = true}));
  EXPECT_TRUE(knows_chain(memory, {"a", "leaf", "root"}));
  EXPECT_TRUE(ask_about({"a", "leaf", "root"}, [&](const auto& s) { return memory.find(s, noon); })->promises_staple);
  for (const auto& other :
       {asked_chain{"b", "leaf", "root"}, asked_chain{"", "leaf", "root"}, asked_chain{"a", "leaf", "roots"},
        asked_chain{"a", "leaf", "roo"}, asked_chain{"a", "leaf", ""}, asked_chain{"a", "Leaf", "root"},
        asked_chain{"a", "leaf", "root", true}, asked_chain{"a", "leaf", "root", false, false}}) {
    EXPECT_FALSE(knows_chain(memory, other)) << other.server << ' ' << other.leaf << ' ' << other.rest;
  }
}

TEST(chain_memory, knows_it_while_the_verdict_holds) {
  chain_memory memory;
  add_chain(memory, {"a", "leaf", "root"}, {.from = noon, .until = noon + 10s});
  EXPECT_FALSE(knows_chain(memory, {"a", "leaf", "root"}, noon - 1s));
  EXPECT_TRUE(knows_chain(memory, {"a", "leaf", "root"}, noon));
  EXPECT_TRUE(knows_chain(memory, {"a", "leaf", "root"}, noon + 10s));
  EXPECT_FALSE(knows_chain(memory, {"a", "leaf", "root"}, noon + 11s));
  add_chain(memory, {"a", "leaf", "root"}, {.from = noon + 11s, .until = noon + 20s});
  EXPECT_TRUE(knows_chain(memory, {"a", "leaf", "root"}, noon + 11s));
  EXPECT_EQ(memory.size(), 1u);
}

TEST(chain_memory, keeps_no_chain_above_8_kib) {
  chain_memory memory;
  EXPECT_TRUE(add_chain(memory, {"a", "leaf", std::string(chain_memory::max_bytes - 4, 'x')}));
  EXPECT_FALSE(add_chain(memory, {"b", "leaf", std::string(chain_memory::max_bytes - 3, 'x')}));
  EXPECT_EQ(memory.size(), 1u);
}

// A client may send anything behind its leaf that helps no one.
TEST(chain_memory, gives_a_client_one_place_and_a_server_two) {
  chain_memory memory;
  for (int i = 0; i < 1000; ++i) add_chain(memory, {"", "leaf", std::to_string(i)});
  EXPECT_EQ(memory.size(), 1u);
  EXPECT_TRUE(knows_chain(memory, {"", "leaf", "999"}));
  for (int i = 0; i < 1000; ++i) add_chain(memory, {"a", "leaf " + std::to_string(i), "root"});
  EXPECT_EQ(memory.size(), 3u);
  EXPECT_TRUE(knows_chain(memory, {"", "leaf", "999"}));
  EXPECT_TRUE(knows_chain(memory, {"a", "leaf 998", "root"}));
  EXPECT_TRUE(knows_chain(memory, {"a", "leaf 999", "root"}));
}

TEST(chain_memory, is_bounded_and_gives_up_the_oldest_of_a_set) {
  chain_memory memory;
  // One set for all of them: it is chosen by the last eight bytes.
  for (int i = 0; i < 5; ++i) add_chain(memory, {"", std::to_string(i) + "-12345678", "root"});
  EXPECT_EQ(memory.size(), chain_memory::ways);
  EXPECT_FALSE(knows_chain(memory, {"", "0-12345678", "root"}));
  EXPECT_TRUE(knows_chain(memory, {"", "1-12345678", "root"}));
  EXPECT_TRUE(knows_chain(memory, {"", "4-12345678", "root"}));
  for (int i = 0; i < 5000; ++i) add_chain(memory, {"host " + std::to_string(i), "leaf", "root"});
  EXPECT_LE(memory.size(), chain_memory::sets * chain_memory::ways);
}

std::size_t known_chains_of(const context& c) { return internal::access::state(c)->chains.size(); }

identity chain_of_device() { return identity::from_pem(device().chain, device().key).value(); }

struct known_chains : ::testing::TestWithParam<flavour> {
  context server(server_options options = {}) const {
    if (options.identities.empty()) options.identities = {site_identity(GetParam().key_type)};
    options.versions = GetParam().versions();
    return server_context(std::move(options));
  }
  static server_options asking() { return {.client_auth = client_auth::required, .trust = trust_root()}; }
};

TEST_P(known_chains, are_those_of_handshakes_that_were_completed) {
  const auto client = client_context({.identity = chain_of_device()}), server = this->server(asking());
  for (int round = 0; round < 3; ++round) {
    pair p(client, server);
    while (!p.server.is_established()) {
      EXPECT_EQ(known_chains_of(server), round == 0 ? 0u : 1u);
      if (!p.client.is_established()) {
        EXPECT_EQ(known_chains_of(client), round == 0 ? 0u : 1u);
      }
      ASSERT_FALSE(pair::drive(p.client, p.client_io).error) << why(p);
      ASSERT_FALSE(pair::drive(p.server, p.server_io).error) << why(p);
    }
    EXPECT_EQ(known_chains_of(server), 1u);
    ASSERT_EQ(p.server.verified_chain().size(), 2u);
    EXPECT_EQ(p.server.verified_chain()[0].subject(), "CN=device-7");
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(known_chains_of(client), 1u);
    EXPECT_EQ(p.client.verified_chain().size(), 2u);
  }
}

TEST_P(known_chains, are_none_of_a_handshake_that_failed_after_them) {
  const auto client = client_context({.alpn = {"one"}, .require_alpn = true});
  pair p(client, server());
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, errc::alpn_mismatch);
  EXPECT_EQ(known_chains_of(client), 0u);
}

TEST_P(known_chains, are_shown_to_the_application_each_time) {
  int asked_client = 0, asked_server = 0;
  bool is_welcome = true;
  auto options = asking();
  options.accept = [&](std::span<const certificate> chain) {
    ++asked_server;
    return is_welcome && chain.size() == 2;
  };
  const auto server = this->server(options);
  const auto client = client_context({.identity = chain_of_device(), .accept = [&](std::span<const certificate> chain) {
                                        ++asked_client;
                                        return chain.size() == 2;
                                      }});
  for (int round = 1; round <= 3; ++round) {
    is_welcome = round < 3;
    pair p(client, server);
    p.handshake();
    EXPECT_EQ(p.server.is_established(), is_welcome) << why(p);
    EXPECT_EQ(asked_client, round);
    EXPECT_EQ(asked_server, round);
  }
  EXPECT_EQ(known_chains_of(client), 1u);
  EXPECT_EQ(known_chains_of(server), 1u);
}

TEST_P(known_chains, are_known_for_the_name_that_was_asked_for) {
  const auto client = client_context();
  const auto server = this->server();
  { ASSERT_TRUE(pair(client, server).handshake()); }
  for (const auto* other : {"elsewhere.example", "127.0.0.2"}) {
    pair p(client, server, {.server_name = other});
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().code, errc::name_mismatch);
  }
  { ASSERT_TRUE(pair(client, server, {.server_name = "127.0.0.1"}).handshake()); }
  EXPECT_EQ(known_chains_of(client), 2u);
}

TEST_P(known_chains, expire) {
  const auto time = std::make_shared<movable_clock>();
  auto options = asking();
  options.clock = time;
  const auto client = client_context({.identity = chain_of_device(), .clock = time}), server = this->server(options);
  { ASSERT_TRUE(pair(client, server).handshake()); }
  time->by = std::chrono::hours(24 * 365 * 50);
  pair p(client, server);
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, errc::expired) << why(p);
}

// RFC 7633: the promise of the certificate is part of what is remembered.
TEST_P(known_chains, still_need_the_response_that_they_promise) {
  const auto made =
      root()
          .issue({.common_name = "localhost", .names = {"localhost"}, .must_staple = true}, GetParam().key_type)
          .value();
  const auto id = identity::from_pem(made.chain, made.key).value();
  const auto stapled = id.with_ocsp_response(testkit::ocsp_response(root(), made.certificate)).value();
  const auto client = client_context();
  for (int round = 0; round < 2; ++round) {
    { ASSERT_TRUE(pair(client, server({.identities = {stapled}})).handshake()); }
    EXPECT_EQ(known_chains_of(client), 1u);
    pair p(client, server({.identities = {id}}));
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().code, errc::revocation_unknown) << why(p);
  }
}

// No session outlives the chain that it rests on, whether that was parsed or known.
TEST_P(known_chains, limit_the_sessions_of_each_handshake) {
  const auto made = root().issue({.names = {"localhost"}, .validity = 3h}, GetParam().key_type).value();
  const auto store = std::make_shared<noting_store>();
  const auto client = client_context({.sessions = store});
  const auto server = this->server({.identities = {identity::from_pem(made.chain, made.key).value()}});
  for (std::size_t round = 0; round < 3; ++round) {
    store->inner = make_session_store();  // so that each handshake is a full one
    store->puts.clear();
    pair p(client, server);
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(p.server_to_client("hello"), "hello");
    EXPECT_FALSE(p.client.info().resumed);
    ASSERT_FALSE(store->puts.empty());
    for (const auto& put : store->puts) EXPECT_LE(put.lifetime, 3h);
    EXPECT_EQ(known_chains_of(client), 1u);
  }
}

// A client's chain stands for what was verified only if all of it was.
TEST_P(known_chains, are_none_with_certificates_that_were_passed_over) {
  const auto other = testkit::authority::make_root("Other Root").value();
  const auto id = identity::from_pem(device().chain + other.certificate(), device().key).value();
  const auto server = this->server(asking());
  {
    pair p(client_context({.identity = id}), server);
    ASSERT_TRUE(p.handshake()) << why(p);
  }
  EXPECT_EQ(known_chains_of(server), 0u);
}

TEST_P(known_chains, with_an_intermediate_are_known_too) {
  const auto intermediate = root().make_intermediate("Intermediate").value();
  const auto leaf = intermediate.issue({.common_name = "device-8"}).value();
  const auto server = this->server(asking());
  for (const auto& chain : {leaf.chain, leaf.chain + root().certificate()}) {
    const auto client = client_context({.identity = identity::from_pem(chain, leaf.key).value()});
    for (int round = 0; round < 2; ++round) {
      pair p(client, server);
      ASSERT_TRUE(p.handshake()) << why(p);
      EXPECT_EQ(p.server.verified_chain().size(), 3u);
      EXPECT_EQ(known_chains_of(server), 1u);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(both, known_chains, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
