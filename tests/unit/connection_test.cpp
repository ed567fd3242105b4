// SPDX-License-Identifier: Apache-2.0
// The engine in memory: every size of piece, every point of failure.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include "sluice/pkcs11/key.hpp"

#include <gtest/gtest.h>

#include <boost/system/errc.hpp>

namespace sluice::test {
namespace {

TEST(connection, shakes_hands_and_says_what_was_agreed) {
  const std::vector<std::string> alpn = {"h2", "http/1.1"};
  pair p(client_context({.alpn = alpn}), server_context({.alpn = {"http/1.1"}}));
  ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  for (const auto* end : {&p.client, &p.server}) {
    EXPECT_EQ(end->info().version, "TLSv1.3");
    EXPECT_EQ(end->info().cipher, "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(end->info().group, "X25519MLKEM768");
    EXPECT_TRUE(end->info().post_quantum);
    EXPECT_EQ(end->info().alpn, "http/1.1");
    EXPECT_EQ(end->info().server_name, "localhost");
    EXPECT_EQ(end->info().policy, "default");
    EXPECT_FALSE(end->info().resumed);
  }
  ASSERT_EQ(p.client.verified_chain().size(), 2u);
  EXPECT_EQ(p.client.verified_chain()[0].subject(), "CN=localhost");
  EXPECT_EQ(p.client.verified_chain()[1].subject(), "CN=Test Root");
}

TEST(connection, signs_with_a_key_in_a_token) {
  for (const auto* type : {"ec256", "rsa2048"}) {
    const auto& generated = token_site(type);
    const auto key = pkcs11::open_key(generated.key_uri).value();
    const auto id = identity::from_chain(generated.chain, key).value();
    for (const auto versions : {version_range{}, version_range{{}, tls_version::tls1_2}}) {
      pair p(client_context(), server_context({.identities = {id}, .versions = versions}));
      ASSERT_TRUE(p.handshake()) << type << p.client.last_failure().message() << p.server.last_failure().message();
      EXPECT_EQ(p.client_to_server("hello"), "hello");
      EXPECT_GT(p.server.signing_time().count(), 0);
    }
  }
}

}  // namespace
}  // namespace sluice::test
