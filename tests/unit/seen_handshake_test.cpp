// SPDX-License-Identifier: Apache-2.0
// What a handshake shows of itself when it is kept: messages both ways, the request for a certificate, the moments.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include "sluice/dangerous.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

version_range version_of(bool is_tls13) {
  return is_tls13 ? version_range{tls_version::tls1_3, {}} : version_range{{}, tls_version::tls1_2};
}

std::vector<std::string> names_of(const handshake_transcript& seen, bool is_ours) {
  std::vector<std::string> names;
  for (const auto& one : seen.messages)
    if (one.is_ours == is_ours) names.emplace_back(handshake_message_name(one.type));
  return names;
}

using list = std::vector<std::string>;

class transcript : public testing::TestWithParam<bool> {
 protected:
  bool is_tls13() const { return GetParam(); }
  server_options serving() const {
    server_options options;
    options.identities = {site_identity()};
    options.versions = version_of(is_tls13());
    options.record_transcript = true;
    options.tickets = std::nullopt;
    return options;
  }
  static client_options asking() {
    client_options options;
    options.record_transcript = true;
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(versions, transcript, testing::Bool(),
                         [](const auto& info) { return info.param ? "tls13" : "tls12"; });

TEST_P(transcript, has_the_messages_of_both_ends_as_both_see_them) {
  pair p(client_context(asking()), server_context(serving()));
  ASSERT_TRUE(p.handshake());
  const auto& of_client = p.client.transcript();
  const auto& of_server = p.server.transcript();
  if (is_tls13()) {
    EXPECT_EQ(names_of(of_client, true), (list{"ClientHello", "Finished"}));
    EXPECT_EQ(names_of(of_client, false),
              (list{"ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify", "Finished"}));
  } else {
    EXPECT_EQ(names_of(of_client, true), (list{"ClientHello", "ClientKeyExchange", "Finished"}));
    EXPECT_EQ(names_of(of_client, false),
              (list{"ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone", "Finished"}));
  }
  EXPECT_EQ(names_of(of_client, true), names_of(of_server, false));
  EXPECT_EQ(names_of(of_client, false), names_of(of_server, true));
  EXPECT_EQ(of_client.client_hello, of_server.client_hello);
  ASSERT_GT(of_client.client_hello.size(), 2u);
  EXPECT_EQ(of_client.client_hello[0], std::byte{3}) << "the legacy version";
  EXPECT_EQ(of_client.find(1, true)->size, of_client.client_hello.size() + 4);
  EXPECT_EQ(of_client.find(20, false)->size, of_server.find(20, true)->size);
}

TEST_P(transcript, is_in_the_order_of_time_and_within_the_handshake) {
  pair p(client_context(asking()), server_context(serving()));
  ASSERT_TRUE(p.handshake());
  const auto& seen = p.client.transcript();
  EXPECT_TRUE(std::ranges::is_sorted(seen.messages, {}, &handshake_message::at));
  const auto whole = p.client.statistics().timings.handshake;
  for (const auto& one : seen.messages) {
    EXPECT_GE(one.at, 0ns);
    EXPECT_LE(one.at, whole);
  }
  EXPECT_GE(seen.verified, seen.find(11, false)->at) << "a chain is verified once it is here";
  EXPECT_LE(seen.verified, whole);
  EXPECT_EQ(seen.key_asked, 0ns);
}

TEST_P(transcript, tells_nothing_unless_it_is_kept) {
  auto serving_quietly = serving();
  serving_quietly.record_transcript = false;
  pair p(client_context(), server_context(serving_quietly));
  ASSERT_TRUE(p.handshake());
  EXPECT_TRUE(p.client.transcript().messages.empty());
  EXPECT_TRUE(p.server.transcript().messages.empty());
}

TEST_P(transcript, names_the_authorities_a_client_s_certificate_may_come_from) {
  auto options = serving();
  options.client_auth = client_auth::optional;
  options.trust = trust_root();
  auto client = asking();
  client.identity = identity::from_pem(device().chain, device().key).value();
  pair p(client_context(client), server_context(options));
  ASSERT_TRUE(p.handshake());
  ASSERT_TRUE(p.client.transcript().request);
  ASSERT_TRUE(p.server.transcript().request);
  EXPECT_EQ(p.client.transcript().request->authorities, list{"CN=Test Root"});
  EXPECT_EQ(p.server.transcript().request->authorities, list{"CN=Test Root"});
  ASSERT_EQ(p.server.transcript().certificates.size(), 1u) << "the client's, as the server saw it";
  EXPECT_EQ(p.server.transcript().certificates[0].subject(), "CN=device-7");
  EXPECT_TRUE(p.client.transcript().find(15, true)) << "CertificateVerify, ours";
}

TEST_P(transcript, has_no_request_where_none_was_made) {
  pair p(client_context(asking()), server_context(serving()));
  ASSERT_TRUE(p.handshake());
  EXPECT_FALSE(p.client.transcript().request);
}

TEST_P(transcript, shows_the_chain_of_an_unverified_peer) {
  auto client = asking();
  client.verify = dangerous::accept_any_certificate();
  pair p(client_context(client), server_context(serving()));
  ASSERT_TRUE(p.handshake());
  ASSERT_EQ(p.client.transcript().certificates.size(), 1u);
  EXPECT_EQ(p.client.transcript().verified, 0ns);
  EXPECT_TRUE(p.client.verified_chain().empty());
}

TEST_P(transcript, shows_what_came_before_a_refusal) {
  const auto root = testkit::authority::make_root("Other Root").value();
  const auto other = root.issue({.common_name = "x", .names = {"localhost"}});
  auto options = serving();
  options.identities = {identity::from_pem(other->chain, other->key).value()};
  pair p(client_context(asking()), server_context(options));
  ASSERT_FALSE(p.handshake());
  const auto& seen = p.client.transcript();
  ASSERT_EQ(seen.certificates.size(), 1u);
  EXPECT_EQ(seen.certificates[0].subject(), "CN=x");
  EXPECT_EQ(seen.verified, 0ns);
  EXPECT_TRUE(seen.find(2, false));
  EXPECT_FALSE(seen.find(20, true)) << "no Finished of ours";
}

TEST_P(transcript, starts_over_with_the_connection) {
  pair p(client_context(asking()), server_context(serving()));
  ASSERT_TRUE(p.handshake());
  p.client.reset({.server_name = "localhost", .alpn = {}});
  EXPECT_TRUE(p.client.transcript().messages.empty());
}

TEST(handshake_message_name, is_what_the_standard_says) {
  EXPECT_EQ(handshake_message_name(1), "ClientHello");
  EXPECT_EQ(handshake_message_name(13), "CertificateRequest");
  EXPECT_EQ(handshake_message_name(99), "unknown");
}

}  // namespace
}  // namespace sluice::test
