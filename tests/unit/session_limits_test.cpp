// SPDX-License-Identifier: Apache-2.0
// Resumption: what reaches the store, under which key, and when its time is over.
#include "support/certs.hpp"
#include "support/movable_clock.hpp"
#include "support/sessions.hpp"

#include "sluice/dangerous.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

// Gives its newest session to whoever asks, whatever the key.
struct confused_store final : noting_store {
  std::optional<secret> take(std::string_view) override {
    if (puts.empty()) return std::nullopt;
    return secret(std::string_view(puts.back().bytes));
  }
};

trust other_root_trust() {
  static const auto made = testkit::authority::make_root("Other Root").value();
  return trust::from_pem(made.certificate(), "other root").value();
}

context server_with(const testkit::issued& made, server_options options) {
  options.identities = {identity::from_pem(made.chain, made.key).value()};
  return context::server(options).value();
}

// --- Effects happen after the last verdict. ---

TEST(refused_handshakes, leave_no_session_when_the_staple_is_missing) {
  const auto made =
      root().issue({.common_name = "localhost", .names = {"localhost"}, .must_staple = true}, "ec256").value();
  for (const auto v : both) {
    const auto store = std::make_shared<noting_store>();
    const auto client = client_context({.sessions = store});
    const auto server = server_with(made, {.versions = only(v)});
    for (int i = 0; i < 3; ++i) {
      pair p(client, server);
      EXPECT_FALSE(p.handshake()) << "try " << i;
      EXPECT_EQ(p.client.last_failure().code, errc::revocation_unknown);
    }
    EXPECT_TRUE(store->puts.empty());
  }
}

TEST(refused_handshakes, leave_no_session_whatever_refuses_them) {
  for (const auto v : both) {
    const auto store = std::make_shared<noting_store>();
    const auto server = server_context({.versions = only(v)});
    const peer_check nobody = [](std::span<const certificate>) { return false; };
    EXPECT_FALSE(try_meet(client_context({.accept = nobody, .sessions = store}), server).established);
    EXPECT_FALSE(try_meet(client_context({.sessions = store}), server, 0, "other.example").established);
    EXPECT_FALSE(try_meet(client_context({.trust = other_root_trust(), .sessions = store}), server).established);
    EXPECT_TRUE(store->puts.empty());
  }
}

// --- Lifetimes do not begin again. ---

TEST(sessions, end_with_the_certificate) {
  for (const auto v : both) {
    const auto time = std::make_shared<movable_clock>();
    const auto made =
        root().issue({.common_name = "localhost", .names = {"localhost"}, .validity = 12h}, "ec256").value();
    const ticket_options tickets{.key_period = 24h * 30, .session_lifetime = 24h * 7};
    const auto server = server_with(made, {.versions = only(v), .tickets = tickets, .clock = time});
    const auto client = client_context({.sessions = make_session_store(), .clock = time});
    EXPECT_FALSE(resumes(client, server));
    time->by = 10h;
    EXPECT_TRUE(resumes(client, server));
    time->by = 13h;
    EXPECT_FALSE(try_meet(client, server).established) << "as in a full handshake";
  }
}

TEST(sessions, of_tls_1_2_live_a_day_from_their_full_handshake_however_often_they_are_used) {
  const auto time = std::make_shared<movable_clock>();
  const ticket_options tickets{.key_period = 1h, .session_lifetime = 40h};
  const auto server = server_context({.versions = only(tls_version::tls1_2), .tickets = tickets, .clock = time});
  const auto client = client_context({.sessions = make_session_store(), .clock = time});
  EXPECT_FALSE(resumes(client, server));
  for (auto age = 1h; age < 24h; age += 1h) {
    time->by = age;
    EXPECT_TRUE(resumes(client, server)) << age.count();
  }
  time->by = 24h + 1min;
  EXPECT_FALSE(resumes(client, server));
  EXPECT_TRUE(resumes(client, server)) << "of the new full handshake";
}

TEST(sessions, of_tls_1_3_live_a_week_from_their_full_handshake_however_often_they_are_renewed) {
  const auto time = std::make_shared<movable_clock>();
  // Seven days are as long as s2n's server itself goes on with one; so its clock stands still.
  const auto server = server_context({.versions = only(tls_version::tls1_3)});
  const auto store = std::make_shared<noting_store>();
  const auto client = client_context({.sessions = store, .clock = time});
  EXPECT_FALSE(resumes(client, server));
  for (auto age = 12h; age < 24h * 7; age += 12h) {
    time->by = age;
    EXPECT_TRUE(resumes(client, server)) << age.count();
  }
  EXPECT_LE(store->puts.back().lifetime, 12h) << "what is left of the week";
  time->by = 24h * 7 + 1min;
  EXPECT_FALSE(resumes(client, server));
}

TEST(sessions, that_a_server_gives_no_lifetime_do_not_begin_another_hour_with_each_use) {
  const auto store = std::make_shared<noting_store>();
  const auto time = std::make_shared<movable_clock>();
  const ticket_options tickets{.session_lifetime = 10min};
  const auto server = server_context({.versions = only(tls_version::tls1_2), .tickets = tickets, .clock = time});
  const auto client = client_context({.sessions = store, .clock = time});
  EXPECT_FALSE(resumes(client, server));
  EXPECT_EQ(store->puts.back().lifetime, 10min);
  time->by = 8min;
  EXPECT_TRUE(resumes(client, server));
  EXPECT_LE(store->puts.back().lifetime, 2min);
  time->by = 11min;
  EXPECT_FALSE(resumes(client, server));
}

// --- A session serves only where its handshake would have been judged alike. ---

struct judged : ::testing::TestWithParam<tls_version> {
  const context server = server_context({.versions = only(GetParam()), .alpn = {"a", "b", "h2"}});

  // Does a client with `later` resume what one with `first` has left, if the store mistakes keys or not?
  // Both are changed below. NOLINTNEXTLINE(performance-unnecessary-value-param)
  bool shares(client_options first, client_options later) const {
    const auto careful = std::make_shared<noting_store>();
    const auto confused = std::make_shared<confused_store>();
    std::vector<bool> seen;
    for (const std::shared_ptr<session_store>& store :
         {std::shared_ptr<session_store>(careful), std::shared_ptr<session_store>(confused)}) {
      first.sessions = later.sessions = store;
      const auto watch = std::make_shared<counters>();
      first.observer = later.observer = watch;
      EXPECT_FALSE(resumes(context::client(first).value(), server));
      seen.push_back(resumes(context::client(later).value(), server));
    }
    EXPECT_EQ(seen[0], seen[1]) << "whatever the store does";
    return seen[0];
  }
  static client_options usual() { return {.trust = trust_root()}; }
};

TEST_P(judged, alike_contexts_share_a_store) { EXPECT_TRUE(shares(usual(), usual())); }

TEST_P(judged, a_wider_verdict_serves_no_stricter_context) {
  auto wide = usual();
  wide.verify = dangerous::accept_any_certificate();
  EXPECT_FALSE(shares(wide, usual())) << "verification";
  wide = usual();
  wide.trust = trust_root().with(other_root_trust());
  EXPECT_FALSE(shares(wide, usual())) << "trust";
  wide = usual();
  wide.ocsp = false;
  EXPECT_FALSE(shares(wide, usual())) << "staple";
  for (const auto allow : {&allowances::sha1_signatures, &allowances::small_rsa_keys, &allowances::common_name,
                           &allowances::dns_name_as_ip}) {
    wide = usual();
    wide.allow.*allow = true;
    EXPECT_FALSE(shares(wide, usual())) << "allowance";
  }
  wide = usual();
  wide.max_chain = 200;
  EXPECT_FALSE(shares(wide, usual())) << "length of the chain";
  auto strict = usual();
  strict.alpn = wide.alpn = {"h2"};
  wide.max_chain = strict.max_chain;
  EXPECT_TRUE(shares(wide, strict));
  strict.require_alpn = true;
  EXPECT_FALSE(shares(wide, strict)) << "required ALPN";
  wide = usual();
  wide.policy = "20240503";
  EXPECT_FALSE(shares(wide, usual())) << "policy";
}

TEST_P(judged, peer_checks_share_with_nobody) {
  auto checks = usual();
  checks.accept = [](std::span<const certificate>) { return true; };
  EXPECT_FALSE(shares(usual(), checks));
  EXPECT_FALSE(shares(checks, usual()));
  EXPECT_FALSE(shares(checks, checks)) << "two contexts";
  checks.sessions = make_session_store();
  const auto one = context::client(checks).value();
  EXPECT_FALSE(resumes(one, server));
  EXPECT_TRUE(resumes(one, server)) << "the same context";
}

TEST_P(judged, another_identity_is_another_client) {
  auto shows = usual();
  shows.identity = identity::from_pem(device().chain, device().key).value();
  EXPECT_FALSE(shares(shows, usual()));
  EXPECT_TRUE(shares(shows, shows));
}

TEST_P(judged, another_name_is_another_server_even_if_the_store_mistakes_it) {
  const auto store = std::make_shared<confused_store>();
  const auto client = client_context({.sessions = store});
  EXPECT_FALSE(resumes(client, server));
  EXPECT_FALSE(resumes(client, server, 0, "127.0.0.1"));
}

TEST_P(judged, ports_and_protocols_have_sessions_of_their_own) {
  const auto store = std::make_shared<noting_store>();
  const auto client = client_context({.sessions = store});
  EXPECT_FALSE(resumes(client, server, 443));
  EXPECT_FALSE(resumes(client, server, 8443));
  EXPECT_FALSE(resumes(client, server)) << "unknown";
  EXPECT_TRUE(resumes(client, server, 443));
  EXPECT_TRUE(resumes(client, server, 8443));
  EXPECT_TRUE(resumes(client, server));
  EXPECT_TRUE(store->takes.front().starts_with("localhost:443 ")) << store->takes.front();
  EXPECT_TRUE(store->takes.back().starts_with("localhost ")) << store->takes.back();

  const auto h2 = client_context({.alpn = {"a"}, .sessions = store});
  EXPECT_FALSE(resumes(h2, server, 443));
  EXPECT_TRUE(resumes(h2, server, 443));
}

INSTANTIATE_TEST_SUITE_P(versions, judged, ::testing::ValuesIn(both), [](const auto& info) {
  return std::string(info.param == tls_version::tls1_2 ? "tls_1_2" : "tls_1_3");
});

// --- The store is asked when a handshake begins, and trusted with nothing. ---

TEST(the_store, is_not_asked_before_the_handshake) {
  const auto store = std::make_shared<noting_store>();
  const auto client = client_context({.sessions = store});
  const connection unused(client, role::client, "localhost");
  const auto refused = connection::failed(client, {.code = make_error_code(errc::timed_out)});
  EXPECT_EQ(refused.last_failure().code, errc::timed_out);
  EXPECT_TRUE(store->takes.empty());
}

TEST(the_store, that_throws_is_reported_and_costs_a_full_handshake) {
  struct broken final : session_store {
    void put(std::string_view, std::span<const std::byte>, std::chrono::seconds) override {
      throw 7;  // anything may be thrown: NOLINT(bugprone-std-exception-baseclass)
    }
    std::optional<secret> take(std::string_view) override { throw std::runtime_error("the store is away"); }
  };
  struct watcher final : observer {
    void on_warning(std::string_view text) noexcept override { warnings.emplace_back(text); }
    std::vector<std::string> warnings;
  };
  for (const auto v : both) {
    const auto watch = std::make_shared<watcher>();
    const auto client = client_context({.sessions = std::make_shared<broken>(), .observer = watch});
    EXPECT_FALSE(resumes(client, server_context({.versions = only(v)})));
    ASSERT_EQ(watch->warnings.size(), 2u);
    EXPECT_EQ(watch->warnings[0], "the session store threw, a full handshake is made: the store is away");
    EXPECT_EQ(watch->warnings[1],
              "the session store threw, the session is lost: an exception that is no std::exception");
  }
}

TEST(the_store, that_gives_rubbish_costs_a_full_handshake) {
  struct full_of_rubbish final : session_store {
    void put(std::string_view, std::span<const std::byte>, std::chrono::seconds) override {}
    std::optional<secret> take(std::string_view) override { return secret(std::string_view("\1rubbish")); }
  };
  EXPECT_FALSE(resumes(client_context({.sessions = std::make_shared<full_of_rubbish>()}), server_context()));
}

TEST(the_store_in_memory, goes_by_the_clock_it_is_given) {
  struct turned final : clock {
    std::chrono::steady_clock::time_point steady() const noexcept override { return clock::steady() + by; }
    std::chrono::seconds by{};
  };
  const auto time = std::make_shared<turned>();
  const auto store = make_session_store(10, 2, time);
  const std::string_view text = "session";
  store->put("a", std::as_bytes(std::span(text)), 1h);
  store->put("a", std::as_bytes(std::span(text)), std::chrono::seconds::max());
  store->put("b", std::as_bytes(std::span(text)), 1h);
  time->by = 2h;
  EXPECT_TRUE(store->take("a")) << "without an end";
  EXPECT_FALSE(store->take("a"));
  EXPECT_FALSE(store->take("b"));
}

}  // namespace
}  // namespace sluice::test
