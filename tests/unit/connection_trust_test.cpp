// SPDX-License-Identifier: Apache-2.0
// Which certificates a client believes: chains, dates, purposes; and what it says of those it does not.
#include "support/flavour.hpp"
#include "support/watch.hpp"

#include "sluice/dangerous.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
constexpr auto day = std::chrono::hours(24);

testkit::leaf_options usual() { return {.common_name = "localhost", .names = {"localhost"}}; }

identity to_identity(const testkit::issued& made) { return identity::from_pem(made.chain, made.key).value(); }

pair meeting(const identity& id, client_options client = {}, tls_version version = tls_version::tls1_3) {
  return {client_context(std::move(client)), server_context({.identities = {id}, .versions = {version, version}})};
}

void expect_refused(const testkit::issued& made, errc cause, const client_options& client = {}) {
  for (const auto version : {tls_version::tls1_2, tls_version::tls1_3}) {
    auto p = meeting(to_identity(made), client, version);
    EXPECT_FALSE(p.handshake()) << to_string(cause);
    const auto& error = p.client.last_failure();
    EXPECT_TRUE(error.code == cause) << to_string(cause) << ": " << error.message();
    EXPECT_EQ(error.category(), "certificate");
    EXPECT_EQ(error.at, phase::handshake);
    EXPECT_EQ(error.from, origin::local);
    EXPECT_EQ(error.where, "localhost");
  }
}

TEST(believing, a_chain_with_intermediates) {
  const auto middle = root().make_intermediate("Middle").value();
  const auto lower = middle.make_intermediate("Lower").value();
  const auto made = lower.issue(usual()).value();
  auto p = meeting(to_identity(made));
  ASSERT_TRUE(p.handshake()) << why(p);
  const auto chain = p.client.verified_chain();
  ASSERT_EQ(chain.size(), 4u);
  EXPECT_EQ(chain[0].subject(), "CN=localhost");
  EXPECT_EQ(chain[1].subject(), "CN=Lower");
  EXPECT_EQ(chain[3].subject(), "CN=Test Root");
  expect_refused({.certificate = made.certificate, .chain = made.certificate, .key = made.key}, errc::untrusted);
}

TEST(believing, a_chain_that_brings_its_root_along) {
  const auto made = root().issue(usual()).value();
  auto p = meeting(
      to_identity({.certificate = made.certificate, .chain = made.chain + root().certificate(), .key = made.key}));
  EXPECT_TRUE(p.handshake()) << why(p);
}

TEST(believing, a_leaf_that_is_pinned) {
  const auto alone = testkit::self_signed(usual()).value();
  auto p = meeting(to_identity(alone), {.trust = trust::from_pem(alone.certificate).value()});
  EXPECT_TRUE(p.handshake()) << why(p);
}

TEST(believing, nobody_unknown) {
  static const auto other = testkit::authority::make_root("Other Root").value();
  expect_refused(other.issue(usual()).value(), errc::untrusted);
  expect_refused(testkit::self_signed(usual()).value(), errc::self_signed);
  auto p = meeting(to_identity(other.issue(usual()).value()));
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().detail,
            "\"CN=localhost\" was issued by \"CN=Other Root\", which is neither sent nor trusted; trusted is the one "
            "certificate of "
            "test root");
  EXPECT_EQ(p.client.last_failure().engine, "S2N_ERR_CERT_UNTRUSTED");
}

// An impostor with the right names: signed by an authority of the right name with another key.
TEST(believing, no_authority_of_the_same_name_with_another_key) {
  static const auto impostor = testkit::authority::make_root("Test Root").value();
  expect_refused(impostor.issue(usual()).value(), errc::untrusted);
}

TEST(believing, nothing_expired_or_not_yet_valid) {
  auto old = usual();
  old.age = 30 * day;
  old.validity = -1h;
  expect_refused(root().issue(old).value(), errc::expired);
  auto early = usual();
  early.age = -48h;
  early.validity = 30 * day;
  expect_refused(root().issue(early).value(), errc::not_yet_valid);
}

TEST(believing, goes_by_the_clock_of_the_context) {
  const auto made = root().issue(usual()).value();  // from an hour ago, for 30 days
  const auto time = std::make_shared<manual_clock>();
  auto now = meeting(to_identity(made), {.clock = time});
  EXPECT_TRUE(now.handshake()) << why(now);
  time->advance(31 * day);
  expect_refused(made, errc::expired, {.clock = time});
  time->advance(-31 * day - 3h);
  expect_refused(made, errc::not_yet_valid, {.clock = time});
}

TEST(believing, only_certificates_for_servers) {
  auto client_only = usual();
  client_only.extended_key_usage = "clientAuth";
  expect_refused(root().issue(client_only).value(), errc::wrong_purpose);
  auto any = usual();
  any.extended_key_usage = "";
  auto p = meeting(to_identity(root().issue(any).value()));
  EXPECT_TRUE(p.handshake()) << why(p);
}

TEST(believing, no_leaf_as_an_authority) {
  const auto leaf = root().issue(usual()).value();
  const auto pretender = testkit::authority::from_pem(leaf.certificate, leaf.key).value();
  auto below = pretender.issue(usual()).value();
  below.chain = below.certificate + leaf.certificate;
  for (const auto version : {tls_version::tls1_2, tls_version::tls1_3}) {
    auto p = meeting(to_identity(below), {}, version);
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().category(), "certificate") << why(p);
    EXPECT_NE(cause_of(p.client.last_failure().code), errc::internal) << why(p);
  }
}

TEST(believing, anything_only_with_the_dangerous_option) {
  const auto watch = std::make_shared<recorder>();
  auto p = meeting(to_identity(testkit::self_signed({.common_name = "x", .names = {"elsewhere.example"}}).value()),
                   {.verify = dangerous::accept_any_certificate(), .observer = watch});
  EXPECT_TRUE(p.handshake()) << why(p);
  EXPECT_TRUE(p.client.verified_chain().empty());
  EXPECT_FALSE(client_context({.verify = dangerous::accept_any_certificate(), .observer = watch}).verifies());
}

// Whatever is wrong with it; and the name that was asked for is still sent.
TEST(believing, anything_at_all_with_the_dangerous_option) {
  static const auto other = testkit::authority::make_root("Other Root").value();
  const auto middle = root().make_intermediate("Middle").value();
  auto old = usual(), early = usual();
  old.age = 30 * day;
  old.validity = -1h;
  early.age = -48h;
  auto incomplete = middle.issue(usual()).value();
  incomplete.chain = incomplete.certificate;
  const std::pair<const char*, testkit::issued> rows[] = {
      {"expired", root().issue(old).value()},
      {"not yet valid", root().issue(early).value()},
      {"for another host", root().issue({.common_name = "x", .names = {"elsewhere.example"}}).value()},
      {"self-signed", testkit::self_signed(usual()).value()},
      {"of an unknown root", other.issue(usual()).value()},
      {"of an incomplete chain", incomplete},
      {"without a subject", root().issue({}).value()},
      {"without a common name", root().issue({.certificate_authority_name = "Example Ltd"}).value()},
  };
  for (const auto& [what, made] : rows) {
    for (const auto version : {tls_version::tls1_2, tls_version::tls1_3}) {
      const auto watch = std::make_shared<recorder>();
      auto strict = meeting(to_identity(made), {}, version);
      EXPECT_FALSE(strict.handshake()) << what;
      auto p = meeting(to_identity(made), {.verify = dangerous::accept_any_certificate(), .observer = watch}, version);
      EXPECT_TRUE(p.handshake()) << what << '\n' << why(p);
      EXPECT_EQ(p.server.info().server_name, "localhost") << what;
      EXPECT_EQ(p.client_to_server("hello"), "hello") << what;
    }
  }
}

TEST(believing, anything_needs_no_name_of_the_server) {
  const auto watch = std::make_shared<recorder>();
  pair p(client_context({.verify = dangerous::accept_any_certificate(), .observer = watch}), server_context(),
         {.server_name = "", .alpn = {}});
  EXPECT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.server.info().server_name, "");
}

TEST(believing, the_application_may_refuse_what_passed) {
  for (const auto version : {tls_version::tls1_2, tls_version::tls1_3}) {
    int calls = 0;
    std::vector<std::string> subjects;
    const auto check = [&](std::span<const certificate> chain) {
      ++calls;
      for (const auto& one : chain) subjects.push_back(one.subject());
      return false;
    };
    auto p = meeting(site_identity(), {.accept = check}, version);
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::certificate_rejected));
    EXPECT_EQ(p.client.last_failure().certificate, "CN=localhost");
    EXPECT_EQ(p.client.last_failure().depth, 0);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(subjects, (std::vector<std::string>{"CN=localhost", "CN=Test Root"}));
  }
}

TEST(believing, the_application_is_asked_once_and_only_about_what_passed) {
  int calls = 0;
  const auto check = [&](std::span<const certificate>) { return ++calls > 0; };
  auto good = meeting(site_identity(), {.accept = check});
  EXPECT_TRUE(good.handshake()) << why(good);
  EXPECT_EQ(calls, 1);
  auto bad = meeting(to_identity(testkit::self_signed(usual()).value()), {.accept = check});
  EXPECT_FALSE(bad.handshake());
  pair other_name(client_context({.accept = check}), server_context(),
                  {.server_name = "elsewhere.example", .alpn = {}});
  EXPECT_FALSE(other_name.handshake());
  EXPECT_EQ(calls, 1);
}

TEST(believing, an_application_that_throws_refuses) {
  for (const bool has_words : {true, false}) {
    const auto check = [has_words](std::span<const certificate>) -> bool {
      if (has_words) throw std::runtime_error("the database is down");
      throw 42;  // anything may be thrown: NOLINT(bugprone-std-exception-baseclass)
    };
    auto p = meeting(site_identity(), {.accept = check});
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::certificate_rejected));
    EXPECT_EQ(p.client.last_failure().detail, has_words ? "the database is down" : "the application's check threw");
    EXPECT_EQ(p.client.last_failure().at, phase::handshake);
  }
}

}  // namespace
}  // namespace sluice::test
