// SPDX-License-Identifier: Apache-2.0
// Early data to OpenSSL's server, which shows what came early; its client is tests/tool/test_early_data.py's.
#include "support/certs.hpp"
#include "support/pair.hpp"
#include "support/peer_process.hpp"

#include "sluice/blocking.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

// `openssl s_server`, and clients of ours that share their sessions.
struct early_peer : ::testing::Test {
  void start(std::vector<std::string> more) {
    const auto cert = folder().write("early.pem", site().chain);
    const auto key = folder().write("early.key", site().key);
    std::vector<std::string> command = {"openssl", "s_server", "-cert", cert, "-key", key, "-accept"};
    command.push_back("127.0.0.1:" + std::to_string(port));
    command.insert(command.end(), more.begin(), more.end());
    process.emplace(command);
    ASSERT_TRUE(process->wait_for_output("ACCEPT")) << process->output();
  }

  // A visit in which the server says a word, behind which its tickets have come.
  connection_info visit(const std::string& early = {}) {
    connection tls(client, role::client,
                   {.server_name = "localhost", .alpn = {}, .early_data = std::as_bytes(std::span(early))});
    const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(out, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    blocking::handshake(tls, out, std::chrono::steady_clock::now() + 60s);
    EXPECT_TRUE(tls.is_established()) << tls.last_failure().message() << process->output();
    process->write("word\n");
    std::string got;
    std::array<std::byte, 1000> some;
    while (got.find("word") == got.npos) {
      error_code ec;
      const auto n = blocking::read_some(tls, out, some, ec, std::chrono::steady_clock::now() + 60s);
      if (n == 0) break;
      got.append(reinterpret_cast<const char*>(some.data()), n);
    }
    EXPECT_NE(got.find("word"), got.npos) << process->output();
    const auto info = tls.info();
    blocking::shutdown(tls, out, std::chrono::steady_clock::now() + 60s);
    ::close(out);
    return info;
  }

  context client = client_context({.sessions = make_session_store()});
  unsigned short port = free_port();
  std::optional<peer_process> process;
};

TEST_F(early_peer, is_sent_what_it_promised_to_take) {
  start({"-early_data", "-max_early_data", "16384"});
  EXPECT_EQ(visit("not yet").early_data, early_data::none);
  const auto second = visit("what comes early\n");
  EXPECT_TRUE(second.resumed);
  EXPECT_EQ(second.early_data, early_data::accepted);
  EXPECT_EQ(second.early_bytes, 17u);
  EXPECT_TRUE(process->wait_for_output("what comes early")) << process->output();
  EXPECT_EQ(process->output().find("not yet"), std::string::npos) << "that was left to the caller";
}

TEST_F(early_peer, is_sent_no_more_than_it_promised_to_take) {
  start({"-early_data", "-max_early_data", "4"});
  visit();
  const auto second = visit("what comes early");
  EXPECT_EQ(second.early_data, early_data::accepted);
  EXPECT_EQ(second.early_bytes, 4u);
  EXPECT_TRUE(process->wait_for_output("what")) << process->output();
}

TEST_F(early_peer, that_promised_nothing_is_sent_nothing_early) {
  start({});
  visit();
  const auto second = visit("what comes early");
  EXPECT_TRUE(second.resumed);
  EXPECT_EQ(second.early_data, early_data::none);
}

}  // namespace
}  // namespace sluice::test
