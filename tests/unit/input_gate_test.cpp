// SPDX-License-Identifier: Apache-2.0
// What one call takes of a peer that never stops sending, and how much that carries nothing is put up with.
#include "support/bytes.hpp"
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/wiretap.hpp"

#include "core/wire/input_gate.hpp"
#include "sluice/blocking.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {
namespace {

using internal::input_gate;
using namespace std::chrono_literals;

struct budget : ::testing::TestWithParam<flavour> {
  budget() { EXPECT_TRUE(p.handshake()) << why(p); }
  void send_records(int count, const std::string& text = "x") {
    for (int i = 0; i < count; ++i) write_text(p.client, p.client_io, text);
  }
  pair p = make_pair(GetParam());
};
INSTANTIATE_TEST_SUITE_P(of, budget, ::testing::ValuesIn(flavours), flavour_name);

TEST_P(budget, of_reading_is_64_records) {
  send_records(1000);
  std::vector<std::byte> room(100'000);
  std::size_t done = 0, turns = 0;
  for (; done < 1000; ++turns) {
    const auto st = p.server.read(p.server_io, room);
    ASSERT_GT(st.bytes, 0u);
    EXPECT_LE(st.bytes, input_gate::max_records);
    done += st.bytes;
  }
  EXPECT_GE(turns, 1000 / input_gate::max_records);
  EXPECT_FALSE(p.server.has_buffered_input());
}

TEST_P(budget, of_reading_is_256_kib) {
  for (int i = 0; i < 8; ++i) send_records(1, random_text(128 * 1024));
  std::vector<std::byte> room(2'000'000);
  std::size_t done = 0;
  while (done < 8 * 128 * 1024) {
    const auto before = p.to_server.bytes.size();
    const auto st = p.server.read(p.server_io, room);
    ASSERT_GT(st.bytes, 0u);
    EXPECT_LE(before - p.to_server.bytes.size(), input_gate::max_bytes);
    done += st.bytes;
  }
}

// Each turn takes so much, whatever else comes: then it is the loop's.
TEST_P(budget, of_a_shutdown_ends_with_again_while_the_peer_goes_on) {
  send_records(1000);
  std::size_t turns = 0;
  step st;
  while ((st = p.server.shutdown(p.server_io)).next == want::again) ++turns;
  EXPECT_FALSE(st.error);
  EXPECT_EQ(st.next, want::read);
  EXPECT_GE(turns, 1000 / input_gate::max_records - 1);
  EXPECT_LE(turns, 1000 / input_gate::max_records + 1);
  p.client.shutdown_write(p.client_io);
  EXPECT_EQ(p.server.shutdown(p.server_io).next, want::nothing);
  EXPECT_FALSE(p.server.has_failed());
}

// In TLS 1.2 all that comes then is thrown away.
TEST(budget_tls12, of_reading_after_shutdown_write_ends_with_again) {
  auto p = make_pair(tls12);
  ASSERT_TRUE(p.handshake());
  p.server.shutdown_write(p.server_io);
  for (int i = 0; i < 1000; ++i) write_text(p.client, p.client_io, "x");
  std::vector<std::byte> room(100);
  std::size_t turns = 0;
  while (p.server.read(p.server_io, room).next == want::again) ++turns;
  EXPECT_GE(turns, 1000 / input_gate::max_records - 1);
}

TEST_P(budget, of_a_blocking_shutdown_is_checked_against_its_deadline) {
  send_records(1000);
  const auto waiting = text_of(p.to_server);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  ASSERT_EQ(::send(ends[0], waiting.data(), waiting.size(), 0), static_cast<ssize_t>(waiting.size()));
  const auto past = std::chrono::steady_clock::now() - 1s;
  EXPECT_EQ(blocking::shutdown(p.server, ends[1], past), make_error_code(errc::timed_out));
  for (const int end : ends) ::close(end);
}

// Sealed for the peer by its own keys: an empty record, a KeyUpdate that is none (empty), a warning.
struct idle_records : ::testing::Test {
  void begin(const flavour& f) {
    p.emplace(client_context(), server_context({.versions = f.versions(), .key_log = keys.log()}));
    lane.reset();
    keys.lines->clear();
    ASSERT_TRUE(p->handshake()) << why(*p);
  }
  // What the client writes becomes records of that type and text.
  void send(int count, std::uint8_t type, const std::string& text) {
    if (!lane) lane = lane_keys::tls13(keys.line("CLIENT_TRAFFIC_SECRET_0"));
    for (int i = 0; i < count; ++i) write_text(p->client, p->client_io, "x");
    change_records(p->to_server, [&](const tls_record& record) {
      return lane->change(record, [&](std::uint8_t& t, std::string& plain) { t = type, plain = text; });
    });
  }
  key_lines keys;
  std::optional<pair> p;
  std::optional<lane_keys> lane;
};

TEST_F(idle_records, are_put_up_with_32_times_in_a_row) {
  for (const auto& [type, text] : {std::pair<std::uint8_t, std::string>(data_record, ""), {alert_record, {1, 90}}}) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{40}, all}) {
      begin(tls13);
      p->server_io.chunk = chunk;
      send(32, type, text);
      step last;
      EXPECT_EQ(read_all(p->server, p->server_io, &last), "");
      EXPECT_EQ(last.next, want::read) << p->server.last_failure().message();
      send(1, data_record, "data");  // and they are forgotten
      EXPECT_EQ(read_all(p->server, p->server_io), "data");
      send(32, type, text);
      read_all(p->server, p->server_io, &last);
      EXPECT_EQ(last.next, want::read);
      send(1, type, text);
      read_all(p->server, p->server_io, &last);
      EXPECT_EQ(last.error, errc::protocol_error);
      EXPECT_EQ(p->server.last_failure().detail, "it sent too many records in a row that carry no data");
    }
  }
}

TEST_F(idle_records, that_are_too_many_are_refused_though_data_follow) {
  begin(tls13);
  send(33, data_record, "");
  const auto empty = text_of(p->to_server);
  p->to_server.bytes.clear();
  send(1, data_record, "data");
  const auto data = text_of(p->to_server);
  p->to_server.bytes.clear();
  put(p->to_server, empty + data);
  step last;
  EXPECT_EQ(read_all(p->server, p->server_io, &last), "");
  EXPECT_EQ(last.error, errc::protocol_error);
}

TEST_F(idle_records, that_are_key_updates_are_counted) {
  begin(tls13);
  const auto update = [this] {  // each with the keys that the last one has made
    p->client.request_key_update();
    write_text(p->client, p->client_io, "x");
    const auto both = records_of(p->to_server);
    p->to_server.bytes.clear();
    return both;
  };
  for (int i = 0; i < 40; ++i) {  // each followed by data
    for (const auto& one : update()) put(p->to_server, unchanged(one));
    ASSERT_EQ(read_all(p->server, p->server_io), "x") << i;
  }
}

// A handshake in pieces of a byte, which is slow and allowed.
TEST(idle_records_of_a_handshake, are_only_those_that_carry_none_of_it) {
  auto p = make_pair(tls12);
  const auto in_bytes = [](const tls_record& record) {
    if (record.type != handshake_record || record.body[0] != 11) return unchanged(record);
    std::string out;
    for (const char c : record.body) out += record_bytes(record.type, std::string(1, c));
    return out;
  };
  EXPECT_TRUE(carry_handshake(p, in_bytes)) << why(p);
  auto q = make_pair(tls13);
  const auto with_changes = [](const tls_record& record) {  // TLS 1.3 passes over each
    std::string out;
    for (int i = 0; record.type == 20 && i < 33; ++i) out += record_bytes(20, "\1");
    return out + unchanged(record);
  };
  EXPECT_FALSE(carry_handshake(q, with_changes));
  EXPECT_EQ(q.client.last_failure().detail, "it sent too many records in a row that carry no data");
}

TEST(input_gate, gives_the_same_bytes_in_order_whatever_the_pieces) {
  std::string sent;
  for (unsigned i = 0; i < 200; ++i) sent += record_bytes(data_record, random_text(i * 37 % 300, i));
  for (const std::size_t piece : {1u, 5u, 100u, 1000u, 100'000u}) {
    input_gate gate;
    std::string got;
    std::vector<std::byte> room(piece);
    std::string_view rest = sent;
    const auto take = [&](std::span<const std::byte> some) {
      got.append(reinterpret_cast<const char*>(some.data()), some.size());
      gate.data_came();
    };
    while (!rest.empty() || !gate.held().empty()) {
      gate.begin_call(input_gate::stage::open, true);
      if (!gate.held().empty()) {
        take(std::span<const std::byte>(room).first(gate.admit_held(room)));
        continue;
      }
      const auto arrived = bytes_of(rest.substr(0, piece));
      take(arrived.first(gate.admit(arrived)));
      rest.remove_prefix(arrived.size());
    }
    EXPECT_EQ(got, sent) << piece;
  }
}

}  // namespace
}  // namespace sluice::test
