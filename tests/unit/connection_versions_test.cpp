// SPDX-License-Identifier: Apache-2.0
// Which TLS versions meet: by preset, and with a named policy under a higher least version.
#include "support/flavour.hpp"
#include "support/records.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using enum tls_version;

pair meeting(version_range client, version_range server, const std::string& client_policy = {},
             const std::string& server_policy = {}) {
  return {client_context({.policy = client_policy, .versions = client}),
          server_context({.policy = server_policy, .versions = server})};
}

TEST(versions, meet_at_the_highest_both_allow) {
  struct row {
    version_range client, server;
    const char* agreed;
  };
  const row rows[] = {
      {{}, {}, "TLSv1.3"},
      {{{}, tls1_2}, {}, "TLSv1.2"},
      {{}, {{}, tls1_2}, "TLSv1.2"},
      {{tls1_3, {}}, {tls1_3, {}}, "TLSv1.3"},
      {{tls1_0, {}}, {tls1_1, tls1_2}, "TLSv1.2"},
      {{tls1_1, {}}, {}, "TLSv1.3"},
      {{tls1_0, tls1_2}, {tls1_0, {}}, "TLSv1.2"},
  };
  for (const auto& r : rows) {
    auto p = meeting(r.client, r.server);
    ASSERT_TRUE(p.handshake()) << r.agreed << '\n' << why(p);
    EXPECT_EQ(p.client.info().version, r.agreed);
    EXPECT_EQ(p.server.info().version, r.agreed);
    EXPECT_EQ(p.client_to_server("hello"), "hello");
  }
}

TEST(versions, that_do_not_meet_are_named_by_the_side_that_fails) {
  auto old_client = meeting({{}, tls1_2}, {tls1_3, {}});
  EXPECT_FALSE(old_client.handshake());
  EXPECT_TRUE(old_client.server.last_failure().code == errc::version_unsupported) << why(old_client);
  EXPECT_NE(old_client.server.last_failure().message().find("TLSv1.3"), std::string::npos);

  // To a server without TLS 1.3 such a client's offer looks like one of TLS 1.2 with unknown suites.
  auto old_server = meeting({tls1_3, {}}, {{}, tls1_2});
  EXPECT_FALSE(old_server.handshake());
  EXPECT_TRUE(old_server.server.last_failure().code == errc::no_shared_parameters) << why(old_server);
  EXPECT_EQ(old_server.server.last_failure().detail, "we offer TLSv1.2 to TLSv1.2 (policy 20240501)");
}

// The policy "default" offers TLS 1.2 as well; the options ask for more than it insists on.
TEST(versions, below_the_least_are_refused_though_the_policy_has_them) {
  for (const auto side : {role::client, role::server}) {
    const version_range strict{tls1_3, {}};
    const version_range old{{}, tls1_2};
    auto p = side == role::client ? meeting(strict, old, "default") : meeting(old, strict, {}, "default");
    EXPECT_FALSE(p.handshake());
    const auto& c = side == role::client ? p.client : p.server;
    EXPECT_EQ(c.last_failure().code, make_error_code(errc::version_unsupported)) << why(p);
    EXPECT_EQ(c.last_failure().detail, "the peer chose TLSv1.2, the least allowed is TLSv1.3");
    EXPECT_EQ(c.last_failure().at, phase::handshake);
    EXPECT_FALSE(c.is_established());
  }
}

TEST(versions, above_the_least_pass_with_a_named_policy) {
  auto p = meeting({tls1_3, {}}, {tls1_2, {}}, "default", "default");
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().version, "TLSv1.3");
  EXPECT_EQ(p.client.info().policy, "default");
}

TEST(versions, are_not_judged_by_what_is_no_tls) {
  auto p = meeting({}, {tls1_3, {}}, {}, "default");
  put(p.to_server, "GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(p.server.handshake(p.server_io).error, make_error_code(errc::protocol_error));
}

}  // namespace
}  // namespace sluice::test
