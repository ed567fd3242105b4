// SPDX-License-Identifier: Apache-2.0
// What a connection counts: checked against the bytes that a test sees go by.
#include "core/wire/framer.hpp"
#include "core/wire/record_meter.hpp"
#include "support/bytes.hpp"
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/signer.hpp"
#include "support/watch.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

std::string record(char type, const std::string& body) {
  return std::string{type, 3, 3, static_cast<char>(body.size() >> 8), static_cast<char>(body.size())} + body;
}

TEST(record_meter, counts_the_same_whatever_the_pieces) {
  const auto sent = record(22, std::string(300, 'h')) + record(20, "c") + record(23, std::string(16384, 'd')) +
                    record(23, "") + record(23, "e");
  for (const std::size_t piece : {1u, 2u, 5u, 7u, 4096u, 100000u}) {
    internal::record_meter meter;
    for (std::size_t at = 0; at < sent.size(); at += piece) {
      meter.saw(bytes_of(std::string_view(sent).substr(at, piece)));
    }
    EXPECT_EQ(meter.records(), 5u) << piece;
    EXPECT_EQ(meter.bytes(), sent.size());
    EXPECT_FALSE(meter.alert());
  }
}

TEST(record_meter, reads_alerts_that_are_not_enciphered) {
  internal::record_meter meter;
  meter.saw(bytes_of(record(21, std::string(26, '\x28'))));
  EXPECT_FALSE(meter.alert()) << "enciphered";
  const auto alert = alert_bytes(70);
  for (const char& c : alert) meter.saw(bytes_of({&c, 1}));
  EXPECT_EQ(meter.alert(), 70);
  EXPECT_EQ(meter.records(), 2u);
}

TEST(record_meter, takes_a_first_record_in_the_form_of_ssl_2) {
  internal::record_meter meter;
  meter.saw(bytes_of(std::string("\x80\x03", 2) + "abc" + record(22, "hello")));
  EXPECT_EQ(meter.records(), 2u);
}

// Type and size of each frame, however its bytes arrive; and how much is kept of the one that is not whole.
struct frames {
  std::vector<std::pair<int, std::size_t>> whole;
  std::size_t kept = 0;
  bool operator==(const frames&) const = default;
};

frames frames_of(internal::framer::frame what, std::string_view sent, std::size_t piece) {
  frames found;
  internal::frame_collector all(what);
  for (; !sent.empty(); sent.remove_prefix(std::min(piece, sent.size()))) {
    for (auto some = bytes_of(sent.substr(0, piece)); all.take(some);) {
      found.whole.emplace_back(all.current().type(), all.body().size());
      EXPECT_EQ(all.whole().size(), all.header().size() + all.body().size());
    }
  }
  found.kept = all.kept();
  return found;
}

TEST(frame_collector, finds_the_same_frames_whatever_the_pieces) {
  const auto records =
      record(22, std::string(300, 'h')) + record(23, "") + record(21, "ab") + record(23, "xyz").substr(0, 7);
  const auto messages = std::string("\x0e\0\0\0\x0b\0\1\0", 8) + std::string(256, 'c') + std::string("\x14\0", 2);
  using kind = internal::framer::frame;
  for (const std::size_t piece : {1u, 2u, 4u, 5u, 7u, 100000u}) {
    EXPECT_EQ(frames_of(kind::record, records, piece), (frames{{{22, 300}, {23, 0}, {21, 2}}, 7})) << piece;
    EXPECT_EQ(frames_of(kind::message, messages, piece), (frames{{{14, 0}, {11, 256}}, 2})) << piece;
  }
}

TEST(frame_collector, takes_a_first_record_in_the_form_of_ssl_2) {
  const auto sent = std::string("\x80\x01", 2) + "a" + record(22, "hello");
  EXPECT_EQ(frames_of(internal::framer::frame::record, sent, 1), (frames{{{0x80, 1}, {22, 5}}, 0}));
}

struct statistics : ::testing::TestWithParam<flavour> {};

TEST_P(statistics, bytes_and_records_agree_with_the_wires) {
  auto p = make_pair(GetParam());
  EXPECT_EQ(p.client.statistics().sent.records, 0u);
  EXPECT_EQ(p.client.statistics().handshake_began, std::chrono::steady_clock::time_point());
  std::size_t from_client = 0, from_server = 0, records_from_client = 0, records_from_server = 0;
  const auto watch_wires = [&] {
    from_client += p.to_server.bytes.size();
    from_server += p.to_client.bytes.size();
    records_from_client += records_of(p.to_server).size();
    records_from_server += records_of(p.to_client).size();
  };
  for (int turn = 0; turn < 10 && !(p.client.is_established() && p.server.is_established()); ++turn) {
    pair::drive(p.client, p.client_io);
    from_client += p.to_server.bytes.size();
    records_from_client += records_of(p.to_server).size();
    pair::drive(p.server, p.server_io);
    from_server += p.to_client.bytes.size();
    records_from_server += records_of(p.to_client).size();
  }
  ASSERT_TRUE(p.client.is_established() && p.server.is_established()) << why(p);
  read_all(p.client, p.client_io);  // a ticket or the end of the handshake
  const auto text = random_text(100'000);
  write_text(p.client, p.client_io, text);
  watch_wires();
  EXPECT_EQ(read_all(p.server, p.server_io), text);
  write_text(p.server, p.server_io, "answer");
  watch_wires();
  EXPECT_EQ(read_all(p.client, p.client_io), "answer");

  const auto client = p.client.statistics(), server = p.server.statistics();
  EXPECT_EQ(client.sent.bytes, 100'000u);
  EXPECT_EQ(client.received.bytes, 6u);
  EXPECT_EQ(client.sent.wire_bytes, from_client);
  EXPECT_EQ(client.sent.records, records_from_client);
  EXPECT_EQ(server.sent.wire_bytes, from_server);
  EXPECT_EQ(server.sent.records, records_from_server);
  EXPECT_EQ(server.received.bytes, client.sent.bytes);
  EXPECT_EQ(server.received.wire_bytes, client.sent.wire_bytes);
  EXPECT_EQ(server.received.records, client.sent.records);
  EXPECT_EQ(client.received.wire_bytes, server.sent.wire_bytes);
  EXPECT_EQ(client.received.records, server.sent.records);
  EXPECT_EQ(server.sent.bytes, 6u);
}

TEST_P(statistics, times_belong_to_the_handshake) {
  auto p = make_pair(GetParam());
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(p.handshake()) << why(p);
  const auto s = p.client.statistics();
  EXPECT_GE(s.handshake_began, before);
  EXPECT_LE(s.handshake_ended, std::chrono::steady_clock::now());
  EXPECT_GT(s.timings.handshake, 0ns);
  EXPECT_EQ(s.timings.handshake, s.handshake_ended - s.handshake_began);
  EXPECT_EQ(s.signatures, 0u);
  EXPECT_TRUE(s.established);
  EXPECT_FALSE(s.resumed);
  EXPECT_FALSE(s.alert_sent || s.alert_received);
}

TEST_P(statistics, close_notify_is_an_alert_each_way) {
  auto p = make_pair(GetParam());
  ASSERT_TRUE(p.handshake()) << why(p);
  p.client.shutdown(p.client_io);
  EXPECT_EQ(p.client.statistics().alert_sent, 0);
  EXPECT_FALSE(p.client.statistics().alert_received);
  p.server.shutdown(p.server_io);
  p.client.shutdown(p.client_io);
  EXPECT_EQ(p.server.statistics().alert_received, 0);
  EXPECT_EQ(p.client.statistics().alert_received, 0);
}

TEST_P(statistics, signatures_and_their_time_are_counted) {
  const auto generated = signer_site(GetParam().key_type);
  auto p = make_pair(GetParam(), {}, {.identities = {identity::from_chain(generated.chain, generated.key).value()}});
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.server.statistics().signatures, 1u);
  EXPECT_GT(p.server.statistics().timings.signing, 0ns);
  EXPECT_EQ(p.client.statistics().signatures, 0u);
}

TEST_P(statistics, begin_again_with_a_reset) {
  auto p = make_pair(GetParam());
  ASSERT_TRUE(p.handshake()) << why(p);
  p.client_to_server("hello");
  p.client.shutdown(p.client_io);
  p.client.reset({.server_name = "localhost", .alpn = {}});
  const auto s = p.client.statistics();
  EXPECT_EQ(s.sent.bytes + s.sent.records + s.sent.wire_bytes + s.received.wire_bytes, 0u);
  EXPECT_FALSE(s.established || s.alert_sent);
  EXPECT_EQ(s.handshake_ended, std::chrono::steady_clock::time_point());
}

TEST_P(statistics, observer_gets_the_last_word_when_a_connection_starts_over) {
  const auto watch = std::make_shared<recorder>();
  {
    auto p = make_pair(GetParam(), {.observer = watch});
    ASSERT_TRUE(p.handshake()) << why(p);
    p.client_to_server("hello");
    p.client.reset({.server_name = "localhost", .alpn = {}});
    ASSERT_EQ(watch->closed().size(), 1u);
    EXPECT_EQ(watch->closed()[0].info->version, GetParam().version_text());
    EXPECT_EQ(watch->closed()[0].counted.sent.bytes, 5u);
  }
  EXPECT_EQ(watch->closed().size(), 1u) << "the new one never began";
}

TEST_P(statistics, observer_gets_the_last_word_once) {
  const auto watch = std::make_shared<recorder>();
  const auto counts = std::make_shared<counters>();
  {
    auto p = make_pair(GetParam(), {.observer = watch}, {.observer = counts});
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(watch->handshakes()[0].counted.handshake_ended, p.client.statistics().handshake_ended);
    EXPECT_GT(watch->handshakes()[0].counted.received.records, 0u);
    p.client_to_server("hello");
    p.client.shutdown(p.client_io);
    p.server.shutdown(p.server_io);
    EXPECT_TRUE(watch->closed().empty());
    auto moved = std::move(p.client);
    EXPECT_TRUE(watch->closed().empty());
  }
  ASSERT_EQ(watch->closed().size(), 1u);
  const auto told = watch->closed()[0];
  EXPECT_FALSE(told.is_server);
  EXPECT_EQ(told.info->version, GetParam().version_text());
  EXPECT_FALSE(told.error);
  EXPECT_EQ(told.counted.sent.bytes, 5u);
  EXPECT_EQ(told.counted.alert_sent, 0);
  EXPECT_EQ(counts->snapshot().connections_closed, 1u);
  EXPECT_EQ(counts->snapshot().received.bytes, 5u);
  EXPECT_EQ(counts->snapshot().received.wire_bytes, told.counted.sent.wire_bytes);
  EXPECT_GT(counts->snapshot().sent.records, 0u);
}

INSTANTIATE_TEST_SUITE_P(every, statistics, ::testing::ValuesIn(flavours), flavour_name);

TEST(statistics_of_failures, tell_the_alert_that_came_and_when_it_ended) {
  const auto watch = std::make_shared<recorder>();
  {
    auto p = make_pair(tls13, {.observer = watch});
    put(p.to_client, alert_bytes(40));
    p.client.handshake(p.client_io);
    ASSERT_EQ(p.client.last_failure().code, errc::alert);
    const auto s = p.client.statistics();
    EXPECT_EQ(s.alert_received, 40);
    EXPECT_GT(s.handshake_ended, s.handshake_began);
    EXPECT_FALSE(s.established);
    EXPECT_EQ(s.received.records, 1u);
  }
  ASSERT_EQ(watch->closed().size(), 1u);
  EXPECT_EQ(watch->closed()[0].error->code, errc::alert);
  EXPECT_FALSE(watch->closed()[0].info);
}

TEST(statistics_of_failures, tell_what_was_sent_in_farewell) {
  static const auto other = testkit::authority::make_root("Other Root").value();
  auto p = make_pair(tls13, {.trust = trust::from_pem(other.certificate()).value(), .blinding = blinding::off()});
  EXPECT_FALSE(p.handshake());
  EXPECT_FALSE(p.client.statistics().alert_sent);
  p.client.close_failed(p.client_io);
  EXPECT_EQ(p.client.statistics().alert_sent, 48) << "unknown_ca";
}

TEST(statistics_of_failures, connection_that_never_began_is_not_reported) {
  const auto watch = std::make_shared<recorder>();
  { const auto p = make_pair(tls13, {.observer = watch}); }
  EXPECT_TRUE(watch->closed().empty());
}

TEST(statistics_of_failures, know_a_resumed_session) {
  const auto client = client_context({.sessions = make_session_store()});
  const auto server = server_context({.tickets = ticket_options{}});
  for (const bool resumed : {false, true}) {
    pair p(client, server);
    ASSERT_TRUE(p.handshake()) << why(p);
    p.server_to_client("x");  // brings the ticket along
    EXPECT_EQ(p.client.statistics().resumed, resumed);
    EXPECT_EQ(p.server.statistics().resumed, resumed);
  }
}

}  // namespace
}  // namespace sluice::test
