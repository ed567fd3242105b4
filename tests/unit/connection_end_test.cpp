// SPDX-License-Identifier: Apache-2.0
// How a connection ends: said with close_notify, cut, half closed; and that what arrived before is delivered first.
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/watch.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

namespace sluice::test {
namespace {

namespace sys = boost::system::errc;

struct connection_end : ::testing::TestWithParam<flavour> {
  connection_end() { EXPECT_TRUE(p.handshake()) << why(p); }
  step read_once(std::size_t size = 20'000) {
    buffer.resize(size);
    return p.client.read(p.client_io, buffer);
  }
  std::string text(const step& st) const { return {reinterpret_cast<const char*>(buffer.data()), st.bytes}; }

  std::shared_ptr<recorder> watch = std::make_shared<recorder>();
  pair p = make_pair(GetParam(), {.observer = watch});
  std::vector<std::byte> buffer;
};

TEST_P(connection_end, close_notify_ends_reading_for_good) {
  EXPECT_FALSE(p.server.shutdown_write(p.server_io).error);
  for (int turn = 0; turn < 3; ++turn) {
    const auto st = read_once();
    EXPECT_TRUE(st.ended);
    EXPECT_FALSE(st.error);
    EXPECT_EQ(st.next, want::nothing);
  }
  EXPECT_FALSE(p.client.has_failed());
}

TEST_P(connection_end, a_transport_that_ends_without_close_notify_is_truncation) {
  p.to_client.is_cut = true;
  for (int turn = 0; turn < 3; ++turn) {
    const auto st = read_once();
    EXPECT_FALSE(st.ended);
    EXPECT_EQ(st.error, errc::truncated);
    EXPECT_NE(st.error, errc::connection_closed);
  }
  EXPECT_EQ(p.client.last_failure().from, origin::peer);
  EXPECT_EQ(p.client.last_failure().at, phase::read);
  ASSERT_EQ(watch->failures().size(), 1u);
  EXPECT_EQ(watch->failures()[0].code, errc::truncated);
}

TEST_P(connection_end, a_record_cut_in_its_middle_is_truncation) {
  write_text(p.server, p.server_io, "half of this arrives");
  p.to_client.bytes.resize(p.to_client.bytes.size() / 2);
  p.to_client.is_cut = true;
  EXPECT_EQ(read_once().error, errc::truncated);
}

TEST_P(connection_end, what_came_before_close_notify_is_delivered_before_the_end) {
  const auto sent = random_text(50'000);
  write_text(p.server, p.server_io, sent);
  p.server.shutdown_write(p.server_io);
  p.to_client.is_cut = true;
  std::string got;
  for (auto st = read_once(7000); st.bytes > 0; st = read_once(7000)) got += text(st);
  EXPECT_EQ(got, sent);
  EXPECT_TRUE(read_once().ended);
}

TEST_P(connection_end, what_came_before_a_cut_is_delivered_before_the_error) {
  for (const std::size_t size : {100u, 7000u, 20'000u, 100'000u}) {
    auto q = make_pair(GetParam());
    ASSERT_TRUE(q.handshake());
    const auto sent = random_text(50'000);
    write_text(q.server, q.server_io, sent);
    q.to_client.is_cut = true;
    std::vector<std::byte> room(size);
    std::string got;
    step st;
    while ((st = q.client.read(q.client_io, room)).bytes > 0)
      got.append(reinterpret_cast<char*>(room.data()), st.bytes);
    EXPECT_EQ(got, sent) << size;
    EXPECT_EQ(st.error, errc::truncated);
  }
}

// The large buffer makes one read span the good records and what follows them.
TEST_P(connection_end, what_came_before_a_broken_transport_is_delivered_before_the_error) {
  write_text(p.server, p.server_io, "good");
  p.client_io.calls = 0;
  p.client_io.interfere = [this](std::size_t) {
    return p.to_client.bytes.empty() ? sys::make_error_code(sys::connection_reset) : error_code();
  };
  const auto st = read_once(100'000);
  EXPECT_FALSE(st.error) << st.error.message();
  EXPECT_EQ(text(st), "good");
  EXPECT_EQ(read_once().error, sys::make_error_code(sys::connection_reset));
}

TEST_P(connection_end, what_came_before_a_damaged_record_is_delivered_before_the_error) {
  write_text(p.server, p.server_io, "good");
  const auto undamaged = p.to_client.bytes.size();
  write_text(p.server, p.server_io, "damaged");
  p.to_client.bytes[undamaged + 12] ^= std::byte(1);
  const auto st = read_once(100'000);
  EXPECT_FALSE(st.error) << st.error.message();
  EXPECT_EQ(text(st), "good");
  EXPECT_EQ(read_once().error, errc::protocol_error);
  EXPECT_EQ(read_once().error, errc::protocol_error);
}

TEST_P(connection_end, what_came_before_an_alert_is_delivered_before_the_error) {
  write_text(p.server, p.server_io, "good");
  put(p.to_client, alert_bytes(40));  // unencrypted, and so a bad record
  const auto st = read_once(100'000);
  EXPECT_FALSE(st.error) << st.error.message();
  EXPECT_EQ(text(st), "good");
  EXPECT_TRUE(read_once().error == errc::protocol_error) << p.client.last_failure().message();
}

TEST(connection_half_close, carries_data_the_other_way) {
  auto p = make_pair(tls13);
  ASSERT_TRUE(p.handshake());
  EXPECT_FALSE(p.client.shutdown_write(p.client_io).error);
  EXPECT_EQ(write_text(p.client, p.client_io, "no").error, sys::make_error_code(sys::broken_pipe));
  step st;
  read_all(p.server, p.server_io, &st);
  EXPECT_TRUE(st.ended);
  EXPECT_EQ(p.server_to_client("still here"), "still here");
  EXPECT_FALSE(p.server.has_failed()) << why(p);
  EXPECT_FALSE(p.client.has_failed()) << why(p);
  EXPECT_FALSE(p.client.shutdown_write(p.client_io).error);  // said once
  EXPECT_TRUE(p.to_server.bytes.empty());
}

// RFC 5246 §7.2.1: whoever hears close_notify discards what it has to say.
TEST(connection_half_close, does_not_exist_in_tls_1_2) {
  auto p = make_pair(tls12);
  ASSERT_TRUE(p.handshake());
  std::vector<std::byte> room(100);
  write_text(p.server, p.server_io, "in flight");
  EXPECT_FALSE(p.client.shutdown_write(p.client_io).error);
  EXPECT_EQ(p.client.read(p.client_io, room).next, want::read);

  EXPECT_TRUE(p.server.read(p.server_io, room).ended);
  EXPECT_EQ(write_text(p.server, p.server_io, "no").error, sys::make_error_code(sys::broken_pipe));
  EXPECT_FALSE(p.server.shutdown_write(p.server_io).error);
  EXPECT_TRUE(p.client.read(p.client_io, room).ended);
  EXPECT_TRUE(p.client.read(p.client_io, room).ended);
  EXPECT_FALSE(p.client.has_failed()) << why(p);
  EXPECT_FALSE(p.server.has_failed()) << why(p);
}

TEST(connection_half_close, of_a_cut_tls_1_2_connection_is_truncation) {
  auto p = make_pair(tls12);
  ASSERT_TRUE(p.handshake());
  std::vector<std::byte> room(100);
  EXPECT_FALSE(p.client.shutdown_write(p.client_io).error);
  p.to_client.is_cut = true;
  EXPECT_EQ(p.client.read(p.client_io, room).error, errc::truncated);
}

TEST_P(connection_end, shutdown_waits_for_the_peers_close_notify_and_throws_data_away) {
  EXPECT_EQ(p.client.shutdown(p.client_io).next, want::read);
  write_text(p.server, p.server_io, "too late");
  EXPECT_EQ(p.client.shutdown(p.client_io).next, want::read);
  EXPECT_EQ(p.server.shutdown(p.server_io).next, want::nothing);
  const auto st = p.client.shutdown(p.client_io);
  EXPECT_EQ(st.next, want::nothing);
  EXPECT_FALSE(st.error) << p.client.last_failure().message();
  EXPECT_TRUE(read_once().ended);
  EXPECT_FALSE(p.client.shutdown(p.client_io).error);
}

TEST_P(connection_end, shutdown_is_content_with_a_peer_that_just_closes) {
  EXPECT_EQ(p.client.shutdown(p.client_io).next, want::read);
  p.to_client.is_cut = true;
  const auto st = p.client.shutdown(p.client_io);
  EXPECT_EQ(st.next, want::nothing);
  EXPECT_FALSE(st.error);
  EXPECT_FALSE(p.client.has_failed());
}

TEST_P(connection_end, shutdown_sends_what_waits_before_close_notify) {
  p.client_io.accepts_output = false;
  EXPECT_EQ(write_text(p.client, p.client_io, "last words").bytes, 10u);
  EXPECT_EQ(p.client.shutdown(p.client_io).next, want::write);
  p.client_io.accepts_output = true;
  EXPECT_EQ(p.client.shutdown(p.client_io).next, want::read);
  step st;
  EXPECT_EQ(read_all(p.server, p.server_io, &st), "last words");
  EXPECT_TRUE(st.ended);
}

TEST_P(connection_end, peeks_say_whether_reading_needs_the_transport) {
  EXPECT_FALSE(p.client.has_buffered_input());
  write_text(p.server, p.server_io, std::string(1000, 'x'));
  EXPECT_FALSE(p.client.has_buffered_input());
  EXPECT_EQ(read_once(600).bytes, 600u);
  EXPECT_TRUE(p.client.has_buffered_input());
  EXPECT_EQ(read_once(600).bytes, 400u);
  EXPECT_FALSE(p.client.has_buffered_input());
}

TEST_P(connection_end, peeks_see_whole_records_and_no_part_of_one) {
  write_text(p.server, p.server_io, "first");
  write_text(p.server, p.server_io, "second");
  const auto rest = p.to_client.bytes.back();
  p.to_client.bytes.pop_back();
  EXPECT_EQ(read_once(5).bytes, 5u);
  EXPECT_EQ(read_once().next, want::read);
  EXPECT_FALSE(p.client.has_buffered_input());
  p.to_client.bytes.push_back(rest);
  EXPECT_EQ(text(read_once()), "second");
}

// A server reads the client's last flight and the data right behind it in one go.
TEST_P(connection_end, data_that_came_with_the_handshake_need_no_more_of_the_transport) {
  auto q = make_pair(GetParam());
  for (int turn = 0; turn < 10 && !q.client.is_established(); ++turn) {
    q.client.handshake(q.client_io);
    if (!q.client.is_established()) q.server.handshake(q.server_io);
  }
  ASSERT_TRUE(q.client.is_established());
  write_text(q.client, q.client_io, "early bird");
  while (!q.server.is_established()) ASSERT_FALSE(q.server.handshake(q.server_io).error);
  buffer.resize(100);
  const auto st = q.server.read(q.server_io, buffer);
  EXPECT_EQ(text(st), "early bird");
}

TEST_P(connection_end, reading_into_nothing_does_nothing) {
  write_text(p.server, p.server_io, "kept");
  const auto st = p.client.read(p.client_io, {});
  EXPECT_EQ(st.next, want::nothing);
  EXPECT_EQ(st.bytes, 0u);
  EXPECT_FALSE(st.ended);
  EXPECT_EQ(text(read_once()), "kept");
}

INSTANTIATE_TEST_SUITE_P(reading, connection_end, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
