// SPDX-License-Identifier: Apache-2.0
// Client certificates: asked for or not, sent or not, believed or not, and what each end learns of it.
#include "testkit/authority/staple.hpp"
#include "support/flavour.hpp"
#include "support/signer.hpp"
#include "support/watch.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

identity device_identity() { return identity::from_pem(device().chain, device().key).value(); }

identity stranger_identity() {
  static const auto other = testkit::authority::make_root("Other Root").value();
  const auto made = other.issue({.common_name = "stranger"}).value();
  return identity::from_pem(made.chain, made.key).value();
}

struct client_certificates : ::testing::TestWithParam<flavour> {
  pair meeting(client_auth auth, std::optional<identity> id, server_options server = {}) {
    server.client_auth = auth;
    server.trust = trust_root();
    return make_pair(GetParam(), {.identity = std::move(id)}, std::move(server));
  }
  bool is_tls13() const { return GetParam().version == tls_version::tls1_3; }
};

TEST_P(client_certificates, are_not_sent_unless_asked_for) {
  auto p = meeting(client_auth::none, device_identity());
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_FALSE(p.client.info().client_certificate);
  EXPECT_FALSE(p.server.info().client_certificate);
  EXPECT_TRUE(p.server.verified_chain().empty());
}

TEST_P(client_certificates, are_verified_when_sent) {
  for (const auto auth : {client_auth::optional, client_auth::required}) {
    auto p = meeting(auth, device_identity());
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_TRUE(p.client.info().client_certificate);
    EXPECT_TRUE(p.server.info().client_certificate);
    ASSERT_EQ(p.server.verified_chain().size(), 2u);
    EXPECT_EQ(p.server.verified_chain()[0].subject(), "CN=device-7");  // names no host, and need not
    EXPECT_EQ(p.client_to_server("hello"), "hello");
  }
}

// Devices are often issued with nothing but a common name, which may look like an address.
TEST_P(client_certificates, need_not_name_any_host) {
  for (const auto* subject : {"10.0.0.5", "localhost", "", "Müller & Co"}) {
    const auto made = root().issue({.common_name = subject}).value();
    auto p = meeting(client_auth::required, identity::from_pem(made.chain, made.key).value());
    EXPECT_TRUE(p.handshake()) << subject << '\n' << why(p);
  }
}

// A server does not ask clients for stapled responses, and one that a client has says nothing to it.
TEST_P(client_certificates, are_believed_without_a_stapled_response) {
  const auto revoked =
      testkit::ocsp_response(root(), device().certificate, {.says = testkit::ocsp_options::status::revoked});
  auto p = meeting(client_auth::required, device_identity().with_ocsp_response(revoked).value());
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_TRUE(p.server.info().client_certificate);
  EXPECT_FALSE(p.server.info().ocsp_stapled);
}

TEST_P(client_certificates, may_be_missing_when_optional) {
  auto p = meeting(client_auth::optional, std::nullopt);
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_FALSE(p.client.info().client_certificate);
  EXPECT_FALSE(p.server.info().client_certificate);
  EXPECT_TRUE(p.server.verified_chain().empty());
}

// A TLS 1.3 client is done before the server has judged: what the server thinks shows at the first read.
void expect_client_learns_at_first_read(pair& p, int alert) {
  EXPECT_TRUE(p.client.is_established());
  const auto told = p.server.close_failed(p.server_io);
  EXPECT_EQ(told.next, want::nothing);
  std::vector<std::byte> room(100);
  const auto st = p.client.read(p.client_io, room);
  EXPECT_EQ(st.bytes, 0u);
  EXPECT_EQ(st.error, error_code(alert, alert_category())) << st.error.message();
}

TEST_P(client_certificates, that_are_missing_fail_the_server_when_required) {
  auto p = meeting(client_auth::required, std::nullopt);
  EXPECT_FALSE(p.handshake());
  const auto& error = p.server.last_failure();
  EXPECT_TRUE(error.code == errc::certificate_missing) << error.message();
  EXPECT_EQ(error.detail, "the client has none to send");
  EXPECT_EQ(error.category(), "certificate");
  if (is_tls13()) {
    expect_client_learns_at_first_read(p, 116);  // certificate_required
  } else {
    p.server.close_failed(p.server_io);
    EXPECT_EQ(p.client.handshake(p.client_io).error, error_code(40, alert_category()));  // RFC 5246 §7.4.6
  }
}

TEST_P(client_certificates, of_strangers_fail_the_server) {
  for (const auto auth : {client_auth::optional, client_auth::required}) {
    server_options server{.blinding = blinding::off()};
    auto p = meeting(auth, stranger_identity(), server);
    EXPECT_FALSE(p.handshake());
    EXPECT_TRUE(p.server.last_failure().code == errc::untrusted) << why(p);
    EXPECT_EQ(p.server.last_failure().where, "client");
    if (is_tls13()) expect_client_learns_at_first_read(p, 48);  // unknown_ca
  }
}

TEST_P(client_certificates, for_servers_only_fail_the_server) {
  const auto made = root().issue({.common_name = "x", .extended_key_usage = "serverAuth"}).value();
  auto p = meeting(client_auth::required, identity::from_pem(made.chain, made.key).value());
  EXPECT_FALSE(p.handshake());
  EXPECT_TRUE(p.server.last_failure().code == errc::wrong_purpose) << why(p);
  EXPECT_EQ(p.server.last_failure().remedy, "have one issued with the extended key usage clientAuth");
}

TEST_P(client_certificates, may_be_refused_by_the_application) {
  server_options server;
  server.accept = [](std::span<const certificate> chain) { return chain.front().subject() != "CN=device-7"; };
  auto p = meeting(client_auth::required, device_identity(), server);
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.server.last_failure().code, make_error_code(errc::certificate_rejected));
  EXPECT_EQ(p.server.last_failure().certificate, "CN=device-7");
}

TEST_P(client_certificates, may_have_a_key_elsewhere) {
  for (const auto* type : {"rsa2048", "ec256", "ec384"}) {
    const auto key = std::make_shared<signer>(site(type).key);
    auto p = meeting(client_auth::required, identity::from_chain(site(type).chain, key).value());
    ASSERT_TRUE(p.handshake()) << type << '\n' << why(p);
    EXPECT_TRUE(p.server.info().client_certificate);
    EXPECT_EQ(key->requests().size(), 1u);
    EXPECT_GT(p.client.signing_time().count(), 0);
    EXPECT_EQ(p.client_to_server("hello"), "hello");
  }
}

INSTANTIATE_TEST_SUITE_P(certificates, client_certificates, ::testing::ValuesIn(flavours), flavour_name);

TEST(client_auth, needs_to_know_whom_to_trust) {
  for (const auto auth : {client_auth::optional, client_auth::required}) {
    const auto made = context::server({.identities = {site_identity()}, .client_auth = auth});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, make_error_code(errc::trust_store_empty));
    EXPECT_EQ(made.error().where, "client authentication");
  }
}

}  // namespace
}  // namespace sluice::test
