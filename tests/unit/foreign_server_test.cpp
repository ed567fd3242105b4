// SPDX-License-Identifier: Apache-2.0
// Servers of yesterday, made of the openssl program: refused as they are, and met where the user lowers the bar.
#include "support/changed.hpp"
#include "support/flavour.hpp"
#include "support/peer_process.hpp"

#include "sluice/blocking.hpp"

#include <openssl/nid.h>

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using enum tls_version;
using flags = std::vector<std::string>;

constexpr std::uint8_t handshake_failure = 40, protocol_version = 70;

// `openssl s_server` with what it is told, and one client of ours.
struct foreign_server {
  explicit foreign_server(const flags& more, const std::string& key_type = "rsa2048")
      : foreign_server(more, site(key_type)) {}
  foreign_server(const flags& more, const testkit::issued& shown) {
    const auto cert = folder().write("server.pem", shown.chain);
    const auto key = folder().write("server.key", shown.key);
    flags command = {"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-cert", cert, "-key", key};
    command.insert(command.end(), more.begin(), more.end());
    process.emplace(command);
    EXPECT_TRUE(process->wait_for_output("ACCEPT")) << process->output();
  }
  // The client after a handshake that may have failed.
  connection meet(const client_options& options) const {
    connection tls(client_context(options), role::client, "localhost");
    const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(out, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    blocking::handshake(tls, out, std::chrono::steady_clock::now() + 60s);
    if (tls.is_established()) {  // or else OpenSSL forgets the session
      socket_transport io(out);
      tls.shutdown_write(io);
    }
    ::close(out);
    return tls;
  }
  unsigned short port = free_port();
  std::optional<peer_process> process;
};

void expect_alert(const connection& tls, std::uint8_t number, const std::string& what) {
  EXPECT_EQ(tls.last_failure().code, (error_code{number, alert_category()}))
      << what << ": " << tls.last_failure().message();
  EXPECT_EQ(tls.last_failure().from, origin::peer) << what;
}

TEST(old_servers, are_refused_unless_the_least_version_is_lowered) {
  for (const auto& [option, version, name] :
       {std::tuple("-tls1", tls1_0, "TLSv1.0"), std::tuple("-tls1_1", tls1_1, "TLSv1.1")}) {
    const foreign_server server({option, "-cipher", "ALL:@SECLEVEL=0"});
    expect_alert(server.meet({}), protocol_version, name);
    const auto tls = server.meet({.versions = {version, {}}});
    EXPECT_TRUE(tls.is_established()) << name << ": " << tls.last_failure().message();
    EXPECT_EQ(tls.info().version, name);
  }
}

TEST(old_servers, that_know_only_tls_1_2_are_refused_by_clients_that_require_1_3) {
  const foreign_server server({"-tls1_2"});
  expect_alert(server.meet({.versions = {tls1_3, {}}}), protocol_version, "TLSv1.2");
  EXPECT_EQ(server.meet({}).info().version, "TLSv1.2");
}

// With RSA key exchange a server's key deciphers, and need not sign; with any other it signs.
TEST(old_servers, use_their_key_as_its_certificate_says) {
  const auto with_usage = [](const char* usage) {
    return changed(
        root(), {.common_name = "localhost", .names = {"localhost"}},
        {.to = [=](X509* x509) { set_extension(x509, NID_key_usage, usage); }, .sign = {}, .key_type = "rsa2048"});
  };
  const client_options lax{.versions = {tls1_0, {}}};
  struct row {
    const char* usage;
    const char* suite;
    bool is_good;
  };
  for (const auto& [usage, suite, is_good] :
       {row{"keyEncipherment", "AES128-SHA", true}, row{"digitalSignature", "AES128-SHA", false},
        row{"digitalSignature", "ECDHE-RSA-AES128-GCM-SHA256", true},
        row{"keyEncipherment", "ECDHE-RSA-AES128-GCM-SHA256", false}}) {
    const foreign_server server({"-tls1_2", "-cipher", std::string(suite) + ":@SECLEVEL=0"}, with_usage(usage));
    const auto tls = server.meet(lax);
    EXPECT_EQ(tls.is_established(), is_good) << usage << ' ' << suite << ": " << tls.last_failure().message();
    if (is_good) continue;
    EXPECT_EQ(tls.last_failure().code, errc::wrong_purpose) << tls.last_failure().message();
  }
}

TEST(weak_servers, share_nothing_with_us) {
  for (const auto* bits : {"512", "1024", "2048"}) {
    const auto file = folder().write("dh.pem", "");
    peer_process made({"openssl", "dhparam", "-dsaparam", "-out", file, bits});
    ASSERT_EQ(made.wait(), 0) << made.output();
    const foreign_server server({"-tls1_2", "-cipher", "DHE:@SECLEVEL=0", "-dhparam", file});
    expect_alert(server.meet({}), handshake_failure, std::string("dh") + bits);
    expect_alert(server.meet({.versions = {tls1_0, {}}}), handshake_failure, std::string("dh") + bits);
  }
  for (const auto* suites : {"eNULL:@SECLEVEL=0", "aNULL:!eNULL:@SECLEVEL=0", "PSK:@SECLEVEL=0", "AES128-SHA"}) {
    const foreign_server server({"-tls1_2", "-cipher", suites});
    expect_alert(server.meet({}), handshake_failure, suites);
  }
}

// RFC 5246 §7.3.
TEST(servers_without_tickets, are_resumed_by_the_id_of_their_session) {
  const foreign_server server({"-tls1_2", "-no_ticket"});
  const client_options keeping{.sessions = make_session_store()};
  for (const bool expected : {false, true, true}) {
    const auto tls = server.meet(keeping);
    ASSERT_TRUE(tls.is_established()) << tls.last_failure().message();
    EXPECT_EQ(tls.info().resumed, expected);
  }
  const foreign_server forgetful({"-tls1_2", "-no_ticket", "-no_cache"});
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(forgetful.meet(keeping).info().resumed);
}

}  // namespace
}  // namespace sluice::test
