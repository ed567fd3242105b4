// SPDX-License-Identifier: Apache-2.0
// Who the server must be: what names are taken, what is sent as SNI, and what a certificate must carry for each.
#include "support/flavour.hpp"
#include "support/records.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::string_literals;

identity issued_for(const std::vector<std::string>& names, const std::string& common_name = "a server") {
  const auto made = root().issue({.common_name = common_name, .names = names}).value();
  return identity::from_pem(made.chain, made.key).value();
}

pair meeting(const std::string& wanted, const identity& id, tls_version version = tls_version::tls1_3) {
  return {client_context(),
          server_context({.identities = {id}, .versions = {version, version}}),
          {.server_name = wanted, .alpn = {}}};
}

std::string sni_sent_for(const std::string& wanted) {
  auto p = meeting(wanted, site_identity());
  p.client.handshake(p.client_io);
  const auto body = client_hello_extension(text_of(p.to_server), server_name_extension);
  return body ? body->substr(5) : "(none)";  // list length, type, name length
}

TEST(server_name, is_sent_as_sni_without_a_trailing_dot) {
  EXPECT_EQ(sni_sent_for("localhost"), "localhost");
  EXPECT_EQ(sni_sent_for("www.Example.org"), "www.Example.org");
  EXPECT_EQ(sni_sent_for("example.org."), "example.org");
  EXPECT_EQ(sni_sent_for("xn--bcher-kva.example"), "xn--bcher-kva.example");
}

TEST(server_name, of_an_ip_literal_is_never_sent) {
  for (const auto* literal : {"127.0.0.1", "::1", "[::1]", "2001:db8::7"}) EXPECT_EQ(sni_sent_for(literal), "(none)");
}

TEST(server_name, matches_dns_entries_exactly_or_by_one_wildcard_label) {
  struct row {
    const char* wanted;
    const char* carried;
    bool fits;
  };
  constexpr row rows[] = {
      {"example.org", "example.org", true},
      {"EXAMPLE.org", "example.ORG", true},
      {"example.org.", "example.org", true},
      {"www.example.org", "*.example.org", true},
      {"example.org", "*.example.org", false},
      {"a.b.example.org", "*.example.org", false},
      {"www.example.org", "w*.example.org", false},
      {"www.example.org", "www.*.org", false},
      {"example.org", "*.org", false},
      {"example.org", "*", false},
      {"example.org", "example.com", false},
      {"example.org", "example.org.evil.test", false},
      {"evil-example.org", "example.org", false},
      {"xn--bcher-kva.example", "xn--bcher-kva.example", true},
  };
  for (const auto& r : rows) {
    auto p = meeting(r.wanted, issued_for({r.carried}));
    EXPECT_EQ(p.handshake(), r.fits) << r.wanted << " for " << r.carried << '\n' << why(p);
    EXPECT_EQ(p.client.last_failure().code, r.fits ? error_code() : make_error_code(errc::name_mismatch));
  }
}

TEST(server_name, mismatch_says_both_names) {
  for (const auto version : {tls_version::tls1_2, tls_version::tls1_3}) {
    auto p = meeting("wanted.example", issued_for({"carried.example", "192.0.2.1"}, "the subject"), version);
    EXPECT_FALSE(p.handshake());
    const auto& error = p.client.last_failure();
    EXPECT_EQ(error.code, make_error_code(errc::name_mismatch));
    EXPECT_EQ(error.where, "wanted.example");
    EXPECT_EQ(error.detail, "it is for carried.example, 192.0.2.1");
    EXPECT_EQ(error.certificate, "CN=the subject");
    EXPECT_EQ(error.depth, 0);
    EXPECT_EQ(error.at, phase::handshake);
    EXPECT_EQ(error.category(), "certificate");
  }
}

// Of several wildcards that could be meant, the one that is nearest is explained.
TEST(server_name, that_a_wildcard_does_not_match_is_a_hostname_mismatch_with_its_reason) {
  const auto id = issued_for({"*", "*.test", "f*.example.test", "*.other.test", "a.*.third.test"});
  const std::pair<const char*, const char*> rows[] = {
      {"localhost", "\"*\" does not count: a wildcard alone stands for no name"},
      {"example.test", "\"*.test\" does not count: a wildcard needs two labels behind it"},
      {"foo.example.test", "\"f*.example.test\" does not count: a wildcard must be the whole of the leftmost label"},
      {"a.b.other.test", "\"*.other.test\" does not count: a wildcard stands for one label"},
      {"a.b.third.test", "\"a.*.third.test\" does not count: a wildcard must be the whole of the leftmost label"}};
  for (const auto& [wanted, words] : rows) {
    auto p = meeting(wanted, id);
    EXPECT_FALSE(p.handshake()) << wanted;
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::name_mismatch)) << p.client.last_failure().message();
    EXPECT_TRUE(p.client.last_failure().detail.ends_with(words)) << p.client.last_failure().detail;
  }
}

TEST(server_name, of_an_ip_address_matches_ip_entries_only) {
  const auto right = issued_for({"127.0.0.1", "2001:db8::7"});
  for (const auto* wanted : {"127.0.0.1", "2001:db8::7", "2001:DB8:0:0::7", "[2001:db8::7]"}) {
    auto p = meeting(wanted, right);
    EXPECT_TRUE(p.handshake()) << wanted << '\n' << why(p);
    EXPECT_EQ(p.client.info().server_name, "");
  }
  for (const auto* wanted : {"127.0.0.2", "::1"}) {
    auto p = meeting(wanted, right);
    EXPECT_FALSE(p.handshake()) << wanted;
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::name_mismatch));
  }
}

TEST(server_name, of_an_ip_address_is_not_what_a_dns_entry_of_that_text_is_for) {
  for (const auto* entry : {"DNS:127.0.0.1", "DNS:*.0.0.1", "URI:127.0.0.1", "URI:https://127.0.0.1/"}) {
    auto p = meeting("127.0.0.1", issued_for({entry, "localhost"}));
    EXPECT_FALSE(p.handshake()) << entry;
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::name_mismatch)) << entry;
  }
  auto p = meeting("localhost", issued_for({"URI:localhost", "email:localhost@localhost"}));
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::name_mismatch));
}

TEST(server_name, is_never_looked_for_in_the_common_name) {
  for (const auto* wanted : {"localhost", "127.0.0.1"}) {
    auto p = meeting(wanted, issued_for({}, wanted));
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::name_mismatch));
    EXPECT_EQ(p.client.last_failure().detail, "it names no host (no subjectAltName)");
    auto q = meeting(wanted, issued_for({"other.example"}, wanted));
    EXPECT_FALSE(q.handshake());
    EXPECT_EQ(q.client.last_failure().code, make_error_code(errc::name_mismatch));
  }
}

TEST(server_name, is_found_in_a_certificate_without_a_subject) {
  auto p = meeting("localhost", issued_for({"localhost"}, ""));
  EXPECT_TRUE(p.handshake()) << why(p);
}

TEST(server_name, that_is_none_is_the_first_calls_error) {
  const std::vector<std::string> bad = {
      "b\xc3\xbc"s
      "cher.example",
      "two..dots",
      ".leading.dot",
      "trailing.dots..",
      "-dash.example",
      "dash-.example",
      "a space.example",
      "under/slash",
      "*.example.org",
      "localhost\0.evil"s,
      "127.0.0.1\0.evil"s,
      std::string(64, 'a') + ".example",
      std::string(300, 'a'),
      ".",
      "..",
      "[]",
      "[localhost]",
      "host:443",
      "https://example.org"};
  for (const auto& name : bad) {
    auto p = meeting(name, site_identity());
    const auto st = p.client.handshake(p.client_io);
    EXPECT_EQ(st.error, make_error_code(errc::bad_name)) << name;
    EXPECT_EQ(p.client.last_failure().where, "server name \"" + name + "\"");
    EXPECT_NE(p.client.last_failure().detail, "");
    EXPECT_TRUE(p.to_server.bytes.empty()) << name;
  }
  auto p = meeting(
      "b\xc3\xbc"s
      "cher.example",
      site_identity());
  EXPECT_EQ(p.client.last_failure().remedy, "write the name in its xn-- form");
}

TEST(server_name, is_needed_for_verification) {
  connection nameless(client_context(), role::client);
  EXPECT_EQ(nameless.last_failure().code, make_error_code(errc::bad_name));
  EXPECT_EQ(nameless.last_failure().detail, "none was given");
}

TEST(server_name, of_the_longest_kind_is_taken) {
  const std::string label(61, 'a');
  const auto name = label + '.' + label + '.' + label + '.' + label + ".abcde";  // 253 characters
  ASSERT_EQ(name.size(), 253u);
  EXPECT_EQ(sni_sent_for(name), name);
}

TEST(server_name, chooses_the_identity_of_a_server) {
  const auto a = issued_for({"a.example"}, "first");
  const auto b = issued_for({"b.example"}, "second");
  for (const auto& [wanted, subject] : {std::pair("a.example", "CN=first"), std::pair("b.example", "CN=second")}) {
    pair p(client_context(), server_context({.identities = {a, b}}), {.server_name = wanted, .alpn = {}});
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(p.client.verified_chain()[0].subject(), subject);
    EXPECT_EQ(p.server.info().server_name, wanted);
  }
}

}  // namespace
}  // namespace sluice::test
