// SPDX-License-Identifier: Apache-2.0
// After a failure: the caller knows at once, the peer only after the blinding delay. No test waits for real.
#include "support/alert_numbers.hpp"
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/watch.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using clock_type = std::chrono::steady_clock;

// A client that will not trust the server it meets.
struct connection_blinding : ::testing::TestWithParam<flavour> {
  pair failing(blinding how, std::shared_ptr<const clock> time) {
    static const auto other = testkit::authority::make_root("Other Root").value();
    client_options client{
        .trust = trust::from_pem(other.certificate()).value(), .blinding = how, .clock = std::move(time)};
    return make_pair(GetParam(), std::move(client));
  }
  void fail(pair& p) {
    const auto began = clock_type::now();
    EXPECT_FALSE(p.handshake());
    EXPECT_LT(clock_type::now() - began, 5s) << "a sleep inside the engine";
    EXPECT_TRUE(p.client.last_failure().code == errc::untrusted) << why(p);
    p.to_server.bytes.clear();
  }
  // What the peer is told in the end: in the clear in TLS 1.2, under the handshake's key in TLS 1.3.
  void expect_farewell_sent(pair& p) {
    const auto records = records_of(p.to_server);
    ASSERT_EQ(records.size(), 1u);
    const bool is_sealed = GetParam().version == tls_version::tls1_3;
    EXPECT_EQ(records[0].type, is_sealed ? data_record : alert_record);
    EXPECT_EQ(p.server.handshake(p.server_io).error, error_code(unknown_ca, alert_category()));
  }
};

TEST_P(connection_blinding, tells_the_caller_at_once_and_the_peer_after_the_delay) {
  const auto time = std::make_shared<manual_clock>();
  auto p = failing(blinding::standard(), time);
  fail(p);

  const auto first = p.client.close_failed(p.client_io);
  ASSERT_EQ(first.next, want::delay);
  EXPECT_GE(first.delay, 10s);
  EXPECT_LE(first.delay, 31s);
  EXPECT_TRUE(p.to_server.bytes.empty());

  time->advance(first.delay - 1s);
  const auto second = p.client.close_failed(p.client_io);
  ASSERT_EQ(second.next, want::delay);
  EXPECT_LE(second.delay, 1001ms);
  EXPECT_GT(second.delay, 0s);
  EXPECT_TRUE(p.to_server.bytes.empty());

  time->advance(second.delay);
  const auto third = p.client.close_failed(p.client_io);
  EXPECT_EQ(third.next, want::nothing);
  EXPECT_FALSE(third.error);
  expect_farewell_sent(p);
  p.to_server.bytes.clear();
  EXPECT_EQ(p.client.close_failed(p.client_io).next, want::nothing);
  EXPECT_TRUE(p.to_server.bytes.empty()) << "said twice";
}

TEST_P(connection_blinding, sends_nothing_early_by_any_other_call) {
  auto p = failing(blinding::standard(), std::make_shared<manual_clock>());
  fail(p);
  std::vector<std::byte> room(100);
  p.client.handshake(p.client_io);
  p.client.read(p.client_io, room);
  write_text(p.client, p.client_io, "x");
  p.client.flush(p.client_io);
  p.client.shutdown_write(p.client_io);
  p.client.shutdown(p.client_io);
  EXPECT_TRUE(p.to_server.bytes.empty());
  EXPECT_TRUE(p.client.unsent().empty());
}

TEST_P(connection_blinding, of_an_established_connection_holds_the_alert_too) {
  const auto time = std::make_shared<manual_clock>();
  auto p = make_pair(GetParam(), {.clock = time});
  ASSERT_TRUE(p.handshake());
  put(p.to_client, "\x17\x03\x03\x00\x20"s + std::string(32, 'x'));
  p.to_server.bytes.clear();
  std::vector<std::byte> room(100);
  EXPECT_TRUE(p.client.read(p.client_io, room).error == errc::protocol_error);
  const auto held = p.client.close_failed(p.client_io);
  ASSERT_EQ(held.next, want::delay);
  EXPECT_TRUE(p.to_server.bytes.empty());
  time->advance(held.delay);
  EXPECT_EQ(p.client.close_failed(p.client_io).next, want::nothing);
  EXPECT_EQ(records_of(p.to_server).size(), 1u);
}

TEST_P(connection_blinding, can_be_shortened) {
  for (int round = 0; round < 20; ++round) {
    auto p = failing(blinding::at_most(3s), std::make_shared<manual_clock>());
    fail(p);
    const auto st = p.client.close_failed(p.client_io);
    ASSERT_EQ(st.next, want::delay);
    EXPECT_GE(st.delay, 1s);
    EXPECT_LE(st.delay, 3001ms);
  }
}

TEST_P(connection_blinding, can_be_off) {
  auto p = failing(blinding::off(), nullptr);
  fail(p);
  EXPECT_EQ(p.client.close_failed(p.client_io).next, want::nothing);
  expect_farewell_sent(p);
}

// s2n forgets self-service at every wipe and would sleep in the thread at the next failure.
TEST_P(connection_blinding, does_not_sleep_in_the_thread_after_a_reset) {
  auto p = failing(blinding::standard(), nullptr);
  for (int round = 0; round < 3; ++round) {
    fail(p);
    p.client.reset({.server_name = "localhost", .alpn = {}});
    p.server.reset();
    p.to_client = p.to_server = {};
  }
}

TEST_P(connection_blinding, farewell_waits_for_a_transport_that_is_full) {
  auto p = failing(blinding::off(), nullptr);
  fail(p);
  p.client_io.accepts_output = false;
  EXPECT_EQ(p.client.close_failed(p.client_io).next, want::write);
  EXPECT_EQ(p.client.close_failed(p.client_io).next, want::write);
  p.client_io.accepts_output = true;
  EXPECT_EQ(p.client.close_failed(p.client_io).next, want::nothing);
  expect_farewell_sent(p);
}

TEST_P(connection_blinding, farewell_before_anything_was_said_says_nothing) {
  auto p = make_pair(GetParam());
  failure error;
  error.code = make_error_code(errc::cancelled);
  p.client.fail(error);
  p.server.fail(error);
  EXPECT_EQ(p.client.close_failed(p.client_io).next, want::nothing);
  EXPECT_EQ(p.server.close_failed(p.server_io).next, want::nothing);
  EXPECT_TRUE(p.to_server.bytes.empty());
  EXPECT_TRUE(p.to_client.bytes.empty());
}

TEST_P(connection_blinding, close_notify_after_a_cancellation_reaches_the_peer_at_once) {
  auto p = make_pair(GetParam());
  ASSERT_TRUE(p.handshake());
  failure error;
  error.code = make_error_code(errc::cancelled);
  p.client.fail(error);
  EXPECT_EQ(p.client.close_failed(p.client_io).next, want::nothing);
  std::vector<std::byte> room(100);
  EXPECT_EQ(p.server.read(p.server_io, room).error, error_code(internal_error, alert_category()));
}

INSTANTIATE_TEST_SUITE_P(after_a_failure, connection_blinding, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
