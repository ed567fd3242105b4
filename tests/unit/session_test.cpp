// SPDX-License-Identifier: Apache-2.0
// Resumption: who may resume what, and for how long.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include "sluice/dangerous.hpp"
#include "sluice/pkcs11/key.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

constexpr version_range tls12 = {{}, tls_version::tls1_2};

// A handshake and a little traffic, so that the client sees its tickets. Answers whether it was resumed.
bool meet(const context& client, const context& server) {
  pair p(client, server);
  EXPECT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  EXPECT_EQ(p.server_to_client("hello"), "hello");
  EXPECT_EQ(p.client.info().resumed, p.server.info().resumed);
  return p.client.info().resumed;
}

context client_with(const std::shared_ptr<session_store>& store) { return client_context({.sessions = store}); }

TEST(sessions, are_resumed_in_both_versions) {
  for (const auto versions : {version_range{}, tls12}) {
    const auto client = client_with(make_session_store());
    const auto server = server_context({.versions = versions});
    EXPECT_FALSE(meet(client, server));
    EXPECT_TRUE(meet(client, server));
    EXPECT_TRUE(meet(client, server));
  }
}

TEST(sessions, are_not_kept_unless_asked) {
  const auto client = client_context();
  const auto server = server_context();
  EXPECT_FALSE(meet(client, server));
  EXPECT_FALSE(meet(client, server));
}

TEST(sessions, are_not_given_out_when_tickets_are_off) {
  const auto client = client_with(make_session_store());
  const auto server = server_context({.tickets = std::nullopt});
  EXPECT_FALSE(meet(client, server));
  EXPECT_FALSE(meet(client, server));
}

TEST(sessions, need_no_signature) {
  const auto& generated = token_site("ec256");
  const auto key = pkcs11::open_key(generated.key_uri).value();
  const auto client = client_with(make_session_store());
  const auto server = server_context({.identities = {identity::from_chain(generated.chain, key).value()}});
  EXPECT_FALSE(meet(client, server));
  const auto before = key->stats().operations;
  EXPECT_TRUE(meet(client, server));
  EXPECT_EQ(key->stats().operations, before);
}

TEST(sessions, are_accepted_by_every_server_with_the_seed_and_by_no_other) {
  const auto seed = std::make_shared<const secret>(std::string_view("0123456789abcdef0123456789abcdef"));
  const auto other = std::make_shared<const secret>(std::string_view("fedcba9876543210fedcba9876543210"));
  const auto one = server_context({.tickets = ticket_options{.seed = seed}});
  const auto two = server_context({.tickets = ticket_options{.seed = seed}});
  const auto stranger = server_context({.tickets = ticket_options{.seed = other}});
  const auto client = client_with(make_session_store());
  EXPECT_FALSE(meet(client, one));
  EXPECT_TRUE(meet(client, two));
  EXPECT_FALSE(meet(client, stranger)) << "a full handshake, not a failure";
}

TEST(sessions, are_accepted_across_a_change_of_keys) {
  struct later final : clock {
    std::chrono::hours ahead{};
    std::chrono::system_clock::time_point now() const noexcept override { return clock::now() + ahead; }
  };
  const auto seed = std::make_shared<const secret>(std::string_view("0123456789abcdef0123456789abcdef"));
  const auto next_period = std::make_shared<later>();
  next_period->ahead = 12h;
  const auto client = client_with(make_session_store());
  const auto before = server_context({.tickets = ticket_options{.seed = seed}});
  const auto after = server_context({.tickets = ticket_options{.seed = seed}, .clock = next_period});
  EXPECT_FALSE(meet(client, before));
  EXPECT_TRUE(meet(client, after)) << "the key of the period before still opens";
}

TEST(sessions, made_without_verification_are_not_resumed_by_contexts_that_verify) {
  const auto store = make_session_store();
  const auto server = server_context();
  auto watch = std::make_shared<counters>();
  client_options careless;
  careless.verify = dangerous::accept_any_certificate();
  careless.sessions = store;
  careless.observer = watch;
  EXPECT_FALSE(meet(context::client(careless).value(), server));
  EXPECT_FALSE(meet(client_with(store), server));
}

TEST(sessions, of_clients_with_certificates_are_not_given_out) {
  const auto& d = device();
  const auto server = server_context({.client_auth = client_auth::required, .trust = trust_root()});
  const auto client =
      client_context({.identity = identity::from_pem(d.chain, d.key).value(), .sessions = make_session_store()});
  EXPECT_FALSE(meet(client, server));
  EXPECT_FALSE(meet(client, server));
}

TEST(tickets, need_a_seed_and_a_period_worth_the_name) {
  const auto short_seed = std::make_shared<const secret>(std::string_view("short"));
  server_options options{.identities = {site_identity()}};
  options.tickets = ticket_options{.seed = short_seed};
  EXPECT_EQ(context::server(options).error().code, errc::invalid_argument);
  options.tickets = ticket_options{.key_period = 0h};
  EXPECT_EQ(context::server(options).error().code, errc::invalid_argument);
}

std::string text(const std::optional<secret>& s) { return s ? std::string(s->view()) : "none"; }
void put(session_store& store, std::string_view name, std::string_view value, std::chrono::seconds lifetime = 1h) {
  store.put(name, std::as_bytes(std::span(value)), lifetime);
}

TEST(session_store, gives_each_session_once_newest_first) {
  const auto store = make_session_store(10, 2);
  put(*store, "a", "1");
  put(*store, "a", "2");
  put(*store, "a", "3");
  EXPECT_EQ(text(store->take("a")), "3");
  EXPECT_EQ(text(store->take("a")), "2");
  EXPECT_EQ(text(store->take("a")), "none") << "two a name";
  EXPECT_EQ(text(store->take("b")), "none");
}

TEST(session_store, forgets_the_name_longest_unused) {
  const auto store = make_session_store(2, 1);
  put(*store, "a", "1");
  put(*store, "b", "2");
  put(*store, "a", "3");
  put(*store, "c", "4");
  EXPECT_EQ(text(store->take("b")), "none");
  EXPECT_EQ(text(store->take("a")), "3");
  EXPECT_EQ(text(store->take("c")), "4");
}

TEST(session_store, keeps_to_its_size_however_many_names_come) {
  const auto store = make_session_store(2, 1);
  for (const auto* name : {"a", "b", "c", "d", "e"}) put(*store, name, name);
  for (const auto* name : {"a", "b", "c"}) EXPECT_EQ(text(store->take(name)), "none") << name;
  for (const auto* name : {"d", "e"}) EXPECT_EQ(text(store->take(name)), name);
}

TEST(session_store, of_no_size_has_room_for_one) {
  const auto store = make_session_store(0, 0);
  put(*store, "a", "1");
  put(*store, "a", "2");
  EXPECT_EQ(text(store->take("a")), "2");
  EXPECT_EQ(text(store->take("a")), "none");
  put(*store, "a", "3");
  put(*store, "b", "4");
  EXPECT_EQ(text(store->take("a")), "none");
  EXPECT_EQ(text(store->take("b")), "4");
}

TEST(session_store, gives_a_session_until_its_lifetime_is_over) {
  struct stopped final : clock {
    std::chrono::steady_clock::time_point steady() const noexcept override { return at; }
    std::chrono::steady_clock::time_point at = clock::steady();
  };
  const auto time = std::make_shared<stopped>();
  const auto store = make_session_store(1, 2, time);
  put(*store, "a", "1", 1h);
  put(*store, "a", "2", 1h);
  time->at += 1h - 1ns;
  EXPECT_EQ(text(store->take("a")), "2");
  time->at += 1ns;
  EXPECT_EQ(text(store->take("a")), "none");
  put(*store, "a", "3", 0s);
  EXPECT_EQ(text(store->take("a")), "none");
}

}  // namespace
}  // namespace sluice::test
