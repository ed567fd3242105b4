// SPDX-License-Identifier: Apache-2.0
// What only a peer that is not s2n does: RSA key exchange without a choice, alerts that say why.
#include "support/flavour.hpp"
#include "support/peer_process.hpp"
#include "support/signer.hpp"

#include "sluice/blocking.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

blocking::time_point soon() { return std::chrono::steady_clock::now() + 60s; }

class descriptor {
 public:
  explicit descriptor(int value) : value_(value) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { ::close(value_); }
  int get() const { return value_; }

 private:
  int value_;
};

sockaddr_in loopback(unsigned short port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

// A listener on a port of its own.
struct listener {
  listener() {
    auto at = loopback(0);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(socket.get(), 4), 0);
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    port = ntohs(at.sin_port);
  }
  int accept() const {
    pollfd entry{.fd = socket.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, 60'000), 1);
    return ::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC);
  }
  descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  unsigned short port = 0;
};

std::vector<std::string> openssl_client(unsigned short port, const std::vector<std::string>& more) {
  std::vector<std::string> command = {"openssl",     "s_client",  "-connect", "127.0.0.1:" + std::to_string(port),
                                      "-servername", "localhost", "-quiet"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

const std::vector<std::string> rsa_key_exchange = {"-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"};

server_options with_rsa_key_exchange(std::vector<identity> ids) {
  return {.identities = std::move(ids), .versions = {tls_version::tls1_0, tls_version::tls1_3}};
}

TEST(rsa_key_exchange, with_a_key_elsewhere_is_refused_and_says_so) {
  const auto generated = signer_site("rsa2048");
  const listener in;
  peer_process peer(openssl_client(in.port, rsa_key_exchange));
  const descriptor accepted(in.accept());
  connection tls(server_context(with_rsa_key_exchange({identity::from_chain(generated.chain, generated.key).value()})),
                 role::server);
  EXPECT_EQ(blocking::handshake(tls, accepted.get(), soon()), make_error_code(errc::key_refused));
  const auto& error = tls.last_failure();
  EXPECT_EQ(error.where, "test:signer");
  EXPECT_EQ(error.at, phase::signing);
  EXPECT_NE(error.detail.find("RSA key exchange"), std::string::npos) << error.detail;
  EXPECT_EQ(error.remedy, "choose a policy with ECDHE, or upgrade the peer");
  EXPECT_TRUE(generated.key->requests().empty());
}

// The same policy, and a key in memory beside one elsewhere: s2n hands its decryption to us as well.
TEST(rsa_key_exchange, with_a_key_in_memory_works_beside_a_key_elsewhere) {
  const auto generated = signer_site("ec256");
  const listener in;
  peer_process peer(openssl_client(in.port, rsa_key_exchange));
  const descriptor accepted(in.accept());
  const auto ids = std::vector{identity::from_chain(generated.chain, generated.key).value(), site_identity("rsa2048")};
  connection tls(server_context(with_rsa_key_exchange(ids)), role::server);
  EXPECT_FALSE(blocking::handshake(tls, accepted.get(), soon())) << tls.last_failure().message();
  EXPECT_EQ(tls.info().cipher, "AES128-SHA");
  EXPECT_EQ(tls.info().group, "");
  EXPECT_TRUE(generated.key->requests().empty());
}

// TLS 1.0 and 1.1 sign MD5 and SHA-1 together with RSA, and SHA-1 with ECDSA.
TEST(old_versions, ask_a_key_elsewhere_for_their_own_digests) {
  const std::pair<const char*, signature_scheme> rows[] = {{"rsa2048", signature_scheme::rsa_pkcs1_md5_sha1},
                                                           {"ec256", signature_scheme::ecdsa_sha1}};
  for (const auto& [type, scheme] : rows) {
    for (const auto* version : {"-tls1", "-tls1_1"}) {
      const auto generated = signer_site(type);
      const listener in;
      peer_process peer(openssl_client(in.port, {version, "-cipher", "ALL:@SECLEVEL=0"}));
      const descriptor accepted(in.accept());
      connection tls(
          server_context(with_rsa_key_exchange({identity::from_chain(generated.chain, generated.key).value()})),
          role::server);
      EXPECT_FALSE(blocking::handshake(tls, accepted.get(), soon())) << tls.last_failure().message();
      EXPECT_EQ(tls.info().version, std::string(version) == "-tls1" ? "TLSv1.0" : "TLSv1.1");
      ASSERT_EQ(generated.key->requests().size(), 1u);
      EXPECT_EQ(to_string(generated.key->requests()[0].scheme), to_string(scheme));
      EXPECT_EQ(generated.key->requests()[0].input_size, digest_size(digest_of(scheme)));
    }
  }
}

// TLS 1.3: the client is done before the server has looked at its certificate.
TEST(rejection_by_a_foreign_server, surfaces_at_the_first_read_with_its_alert) {
  const auto port = free_port();
  const auto cert = folder().write("foreign.pem", site().chain);
  const auto key = folder().write("foreign.key", site().key);
  const auto ca = folder().write("foreign-ca.pem", root().certificate());
  peer_process server({"openssl", "s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-cert", cert, "-key",
                       key, "-CAfile", ca, "-Verify", "2", "-verify_return_error", "-tls1_3"});
  ASSERT_TRUE(server.wait_for_output("ACCEPT")) << server.output();
  const descriptor out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto at = loopback(port);
  ASSERT_EQ(::connect(out.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  connection tls(client_context(), role::client, "localhost");
  ASSERT_FALSE(blocking::handshake(tls, out.get(), soon())) << tls.last_failure().message();
  std::vector<std::byte> room(100);
  error_code ec;
  EXPECT_EQ(blocking::read_some(tls, out.get(), room, ec, soon()), 0u);
  EXPECT_EQ(ec, (error_code{116, alert_category()})) << ec.message();
  EXPECT_TRUE(ec == errc::alert);
  EXPECT_EQ(alert_name(tls.last_failure().alert.description), "certificate_required");
  EXPECT_EQ(tls.last_failure().at, phase::read);
  EXPECT_EQ(tls.last_failure().from, origin::peer);
}

}  // namespace
}  // namespace sluice::test
