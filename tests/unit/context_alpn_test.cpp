// SPDX-License-Identifier: Apache-2.0
// Application protocols: which lists are taken, what goes on the wire, who decides.
#include "support/flavour.hpp"
#include "support/records.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::string_literals;
using names = std::vector<std::string>;

TEST(parse_alpn, takes_one_to_four_names) {
  EXPECT_EQ(parse_alpn("h2").value(), names{"h2"});
  EXPECT_EQ(parse_alpn("h2;http/1.1").value(), (names{"h2", "http/1.1"}));
  EXPECT_EQ(parse_alpn("h2,http/1.1").value(), (names{"h2", "http/1.1"}));
  EXPECT_EQ(parse_alpn("a;b,c;d").value(), (names{"a", "b", "c", "d"}));
  EXPECT_EQ(parse_alpn(std::string(255, 'x')).value(), names{std::string(255, 'x')});
}

TEST(parse_alpn, refuses_what_it_cannot_take_whole) {
  for (const auto& text :
       {""s, ";"s, "h2;"s, ";h2"s, "a;;b"s, "a;b;c;d;e"s, "a;b;c;d;"s, std::string(256, 'x'), "a\0b"s}) {
    const auto parsed = parse_alpn(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, make_error_code(errc::bad_alpn)) << text;
    EXPECT_EQ(parsed.error().where, "ALPN");
    EXPECT_NE(parsed.error().detail, "");
  }
  EXPECT_EQ(parse_alpn("a;b;c;d;e").error().remedy, "pass a list to offer more than four");
}

void expect_bad(const names& list) {
  const auto client = context::client({.trust = trust_root(), .alpn = list});
  const auto server = context::server({.identities = {site_identity()}, .alpn = list});
  ASSERT_FALSE(client);
  ASSERT_FALSE(server);
  EXPECT_EQ(client.error().code, make_error_code(errc::bad_alpn));
  EXPECT_EQ(server.error().code, make_error_code(errc::bad_alpn));
  pair p(client_context(), server_context(), {.server_name = "localhost", .alpn = list});
  EXPECT_EQ(p.client.handshake(p.client_io).error, make_error_code(errc::bad_alpn));
  EXPECT_TRUE(p.to_server.bytes.empty());
}

TEST(alpn, list_with_a_name_that_is_none_fails_the_context_and_the_connection) {
  expect_bad({""});
  expect_bad({"h2", ""});
  expect_bad({std::string(256, 'x')});
  expect_bad({"a\0b"s});
}

TEST(alpn, list_beyond_the_wire_limit_is_refused) {
  names list(255, std::string(255, 'x'));  // 65,280 bytes on the wire
  list.emplace_back(252, 'y');             // 65,533: the most an extension can hold
  EXPECT_TRUE(context::client({.trust = trust_root(), .alpn = list}));
  list.back() += 'y';
  expect_bad(list);
}

TEST(alpn, list_of_many_and_of_the_longest_names_is_offered_whole) {
  names list;
  for (int i = 0; i < 20; ++i) list.push_back(std::string(254, 'x') + static_cast<char>('a' + i));
  auto p = pair(client_context({.alpn = list}), server_context({.alpn = {list.back()}}));
  p.client.handshake(p.client_io);
  const auto offered = client_hello_extension(text_of(p.to_server), alpn_extension);
  ASSERT_TRUE(offered);
  EXPECT_EQ(offered->size(), 2u + 20 * 256);
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().alpn, list.back());
  EXPECT_EQ(p.server.info().alpn, list.back());
}

struct alpn_choice : ::testing::TestWithParam<flavour> {};

TEST_P(alpn_choice, is_the_servers) {
  auto p = make_pair(GetParam(), {.alpn = {"h2", "http/1.1"}}, {.alpn = {"mqtt", "http/1.1", "h2"}});
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().alpn, "http/1.1");
  EXPECT_EQ(p.server.info().alpn, "http/1.1");
}

TEST_P(alpn_choice, is_none_where_one_side_knows_of_no_protocol) {
  const std::pair<names, names> rows[] = {{{"h2"}, {}}, {{}, {"h2"}}, {{}, {}}};
  for (const auto& [client, server] : rows) {
    auto p = make_pair(GetParam(), {.alpn = client}, {.alpn = server});
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(p.client.info().alpn, "");
    EXPECT_EQ(p.server.info().alpn, "");
  }
}

// RFC 7301 §3.2
TEST_P(alpn_choice, without_overlap_is_refused_by_the_server) {
  const std::pair<names, names> rows[] = {
      {{"h2"}, {"mqtt"}}, {{"h2"}, {"H2"}}, {{"h2x"}, {"h2"}}, {{"a", "b"}, {"c", "d"}}};
  for (const auto& [client, server] : rows) {
    auto p = make_pair(GetParam(), {.alpn = client}, {.alpn = server});
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.server.last_failure().code, make_error_code(errc::alpn_mismatch));
    EXPECT_EQ(p.server.last_failure().at, phase::handshake);
    EXPECT_EQ(p.client.is_established(), false);
  }
  auto p = make_pair(GetParam(), {.alpn = {"a", "b"}}, {.alpn = {"c", "d"}});
  p.handshake();
  EXPECT_EQ(p.server.last_failure().detail, "the client offers a, b, we serve c, d");
}

TEST_P(alpn_choice, without_overlap_is_none_where_the_server_says_that_it_is_optional) {
  auto p = make_pair(GetParam(), {.alpn = {"h2"}}, {.alpn = {"mqtt"}, .alpn_is_optional = true});
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().alpn, "");
  EXPECT_EQ(p.server.info().alpn, "");
}

TEST_P(alpn_choice, that_the_client_requires_must_be_made) {
  auto p = make_pair(GetParam(), {.alpn = {"h2", "mqtt"}, .require_alpn = true}, {});
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::alpn_mismatch));
  EXPECT_EQ(p.client.last_failure().detail, "the server chose none of h2, mqtt");
  auto good = make_pair(GetParam(), {.alpn = {"h2", "mqtt"}, .require_alpn = true}, {.alpn = {"mqtt"}});
  EXPECT_TRUE(good.handshake()) << why(good);
  EXPECT_EQ(good.client.info().alpn, "mqtt");
}

TEST_P(alpn_choice, that_the_client_requires_needs_something_to_offer) {
  auto p = make_pair(GetParam(), {.require_alpn = true}, {.alpn = {"mqtt"}});
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::alpn_mismatch));
  EXPECT_EQ(p.client.last_failure().remedy, "set client_options.alpn");
}

TEST_P(alpn_choice, of_a_connection_replaces_that_of_the_context) {
  const auto client = client_context({.alpn = {"one", "two"}});
  const auto server = server_context({.versions = GetParam().versions(), .alpn = {"one", "two", "three"}});
  const names mine = {"three", "two"};
  pair p(client, server, {.server_name = "localhost", .alpn = mine});
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().alpn, "two");

  const names servers = {"three", "one"};
  pair q(client, server);
  q.server = connection(server, role::server, {.server_name = {}, .alpn = servers});
  ASSERT_TRUE(q.handshake()) << why(q);
  EXPECT_EQ(q.client.info().alpn, "one");
}

// An answer of one byte makes a list of two, which s2n takes for malformed and passes over.
TEST_P(alpn_choice, of_a_single_byte_reaches_the_server_alone) {
  auto p = make_pair(GetParam(), {.alpn = {"a", "bb"}}, {.alpn = {"a"}});
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.server.info().alpn, "a");
  EXPECT_EQ(p.client.info().alpn, "");
}

INSTANTIATE_TEST_SUITE_P(choosing, alpn_choice, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
