// SPDX-License-Identifier: Apache-2.0
// A connection that starts over behaves as a new one: after success, after failure, in the middle.
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/signer.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

struct connection_reset : ::testing::TestWithParam<flavour> {
  void start_over(pair& p, const connection_options& client = {.server_name = "localhost", .alpn = {}}) {
    p.client.reset(client);
    p.server.reset();
    for (auto* w : {&p.to_client, &p.to_server}) *w = {};
  }
};

TEST_P(connection_reset, shakes_hands_again_and_again) {
  auto p = make_pair(GetParam());
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(p.handshake()) << round << '\n' << why(p);
    EXPECT_EQ(p.client_to_server("hello"), "hello");
    EXPECT_EQ(p.server_to_client("there"), "there");
    EXPECT_EQ(p.client.info().version, GetParam().version_text());
    EXPECT_EQ(p.client.shutdown(p.client_io).next, want::read);
    start_over(p);
    EXPECT_EQ(p.client.info().version, "");
    EXPECT_FALSE(p.client.is_established());
    EXPECT_TRUE(p.client.verified_chain().empty());
  }
}

TEST_P(connection_reset, forgets_a_failure_and_what_was_not_sent) {
  auto p = make_pair(GetParam());
  ASSERT_TRUE(p.handshake());
  p.client_io.accepts_output = false;
  EXPECT_EQ(write_text(p.client, p.client_io, "for the old peer").next, want::write);
  p.to_client.is_cut = true;
  std::vector<std::byte> room(10);
  EXPECT_EQ(p.client.read(p.client_io, room).error, errc::truncated);
  start_over(p);
  EXPECT_FALSE(p.client.has_failed());
  EXPECT_FALSE(p.client.last_failure().code);
  EXPECT_TRUE(p.client.unsent().empty());
  p.client_io.accepts_output = true;
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client_to_server("for the new one"), "for the new one");
}

TEST_P(connection_reset, looks_again_whether_its_peer_speaks_tls) {
  auto p = make_pair(GetParam());
  ASSERT_TRUE(p.handshake()) << why(p);
  start_over(p);
  p.client.handshake(p.client_io);
  put(p.to_client, "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(p.client.handshake(p.client_io).error, errc::protocol_error);
  EXPECT_EQ(p.client.last_failure().detail, "it sent \"HTTP/1.1 400 Bad\", which is not TLS");
  put(p.to_server, "GET / HTTP/1.1");
  p.to_server.bytes.erase(p.to_server.bytes.begin(), p.to_server.bytes.end() - 14);
  EXPECT_EQ(p.server.handshake(p.server_io).error, errc::protocol_error);
  EXPECT_EQ(p.server.last_failure().detail, "it sent \"GET / HTTP/1.1\", which is not TLS");
}

TEST_P(connection_reset, in_the_middle_of_a_handshake) {
  auto p = make_pair(GetParam());
  p.client.handshake(p.client_io);
  p.server.handshake(p.server_io);
  p.to_client.bytes.resize(p.to_client.bytes.size() / 2);
  p.client.handshake(p.client_io);
  start_over(p);
  ASSERT_TRUE(p.handshake()) << why(p);
}

TEST_P(connection_reset, while_a_key_is_being_waited_for_drops_its_late_answer) {
  held_request held;
  const auto generated = signer_site("ec256", held.behaviour());
  auto p = make_pair(GetParam(), {}, {.identities = {identity::from_chain(generated.chain, generated.key).value()}});
  p.client.handshake(p.client_io);
  ASSERT_EQ(p.server.handshake(p.server_io).next, want::application);
  p.server.start_application_work(std::chrono::steady_clock::time_point::max(), [] {});
  const auto old_request = held.request();
  auto old_promise = held.take();
  start_over(p);
  EXPECT_FALSE(old_promise.is_wanted());

  // The new handshake has a request of its own; the old answer must not become its answer.
  p.client.handshake(p.client_io);
  ASSERT_EQ(p.server.handshake(p.server_io).next, want::application);
  p.server.start_application_work(std::chrono::steady_clock::time_point::max(), [] {});
  EXPECT_TRUE(old_promise.set(generated.key->sign(old_request)));
  EXPECT_EQ(p.server.handshake(p.server_io).next, want::application);
  held.take().set(generated.key->sign(held.request()));
  ASSERT_TRUE(p.handshake()) << why(p);
}

TEST_P(connection_reset, takes_another_name_and_other_protocols) {
  auto p = make_pair(GetParam(), {.alpn = {"one", "two"}}, {.alpn = {"one", "two", "three"}});
  ASSERT_TRUE(p.handshake());
  EXPECT_EQ(p.client.info().alpn, "one");
  const std::vector<std::string> another = {"three"};
  start_over(p, {.server_name = "127.0.0.1", .alpn = another});
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().alpn, "three");
  EXPECT_EQ(p.client.info().server_name, "");
  start_over(p);
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().alpn, "one");
  EXPECT_EQ(p.server.info().server_name, "localhost");
  start_over(p, {.server_name = "elsewhere.example", .alpn = {}});
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, errc::name_mismatch);
  start_over(p, {.server_name = "bad..name", .alpn = {}});
  EXPECT_EQ(p.client.handshake(p.client_io).error, make_error_code(errc::bad_name));
  start_over(p);
  ASSERT_TRUE(p.handshake()) << why(p);
}

INSTANTIATE_TEST_SUITE_P(starts_over, connection_reset, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
