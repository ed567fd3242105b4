// SPDX-License-Identifier: Apache-2.0
// What a write takes, when it leaves, and that no byte is lost, repeated or mixed up on the way.
#include "support/flavour.hpp"
#include "support/records.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::test {
namespace {

constexpr std::size_t max_sealed = 128 * 1024;

struct connection_write : ::testing::TestWithParam<flavour> {
  connection_write() { EXPECT_TRUE(p.handshake()) << why(p); }
  std::string arrived() { return read_all(p.server, p.server_io); }
  pair p = make_pair(GetParam());
};

// s2n may have sealed the next record already when the transport is full, and would count it as the beginning of
// whatever is written next: 'A's arriving in place of 'B's.
TEST_P(connection_write, other_data_after_a_short_write_arrives_exact) {
  const std::string a(max_sealed, 'A');
  const std::string b(max_sealed, 'B');
  p.client_io.chunk = 17 * 1024;
  std::size_t room = 1;  // calls the transport will take
  p.client_io.interfere = [&room](std::size_t) {
    if (room-- > 0) return error_code();
    room = 0;
    return boost::system::errc::make_error_code(boost::system::errc::operation_would_block);
  };
  const auto first = write_text(p.client, p.client_io, a);
  EXPECT_EQ(first.next, want::write);
  EXPECT_FALSE(first.error);
  EXPECT_GT(first.bytes, 0u);
  room = all;
  std::string sent = a.substr(0, first.bytes);
  std::string got;
  while (sent.size() < first.bytes + b.size()) {
    const auto st = write_text(p.client, p.client_io, b.substr(sent.size() - first.bytes));
    ASSERT_FALSE(st.error);
    sent += b.substr(0, st.bytes);
    got += arrived();
  }
  while (p.client.flush(p.client_io).next == want::write) got += arrived();
  got += arrived();
  EXPECT_EQ(got, sent);
}

// A cancelled write is one that nobody asks about again: its bytes still leave, ahead of anything later.
TEST_P(connection_write, a_cancelled_write_leaves_before_what_follows) {
  p.client_io.accepts_output = false;
  const auto cancelled = write_text(p.client, p.client_io, "first");
  EXPECT_EQ(cancelled.bytes, 5u);
  EXPECT_EQ(cancelled.next, want::write);
  p.client_io.accepts_output = true;
  EXPECT_EQ(write_text(p.client, p.client_io, "second").bytes, 6u);
  EXPECT_EQ(arrived(), "firstsecond");
}

TEST_P(connection_write, nothing_is_sealed_while_earlier_ciphertext_waits) {
  p.client_io.accepts_output = false;
  EXPECT_EQ(write_text(p.client, p.client_io, "first").bytes, 5u);
  const auto waiting = p.client.unsent().size();
  for (int turn = 0; turn < 3; ++turn) {
    const auto st = write_text(p.client, p.client_io, "second");
    EXPECT_EQ(st.bytes, 0u);
    EXPECT_EQ(st.next, want::write);
    EXPECT_EQ(p.client.unsent().size(), waiting);
  }
  p.client_io.accepts_output = true;
  EXPECT_EQ(p.client.flush(p.client_io).next, want::nothing);
  EXPECT_EQ(arrived(), "first");
}

TEST_P(connection_write, one_write_seals_128_KiB_at_most_and_offers_all_of_it_at_once) {
  const auto text = random_text(max_sealed + 1);
  p.client_io.calls = 0;
  const auto st = write_text(p.client, p.client_io, text);
  EXPECT_EQ(st.bytes, max_sealed);
  EXPECT_EQ(st.next, want::nothing);
  EXPECT_EQ(p.client_io.calls, 1u);
  EXPECT_LE(records_of(p.to_server).size(), 9u);  // of about 16 KiB each
  EXPECT_EQ(arrived(), text.substr(0, max_sealed));
}

TEST_P(connection_write, gathers_buffers_in_order_and_passes_over_empty_ones) {
  std::vector<std::string> parts;
  std::vector<::iovec> buffers;
  std::string sent;
  for (char c = 'a'; c < 'a' + 20; ++c) parts.push_back(c == 'c' ? std::string() : std::string(100, c));
  buffers.reserve(parts.size());
  for (auto& part : parts) buffers.push_back({part.data(), part.size()});
  for (std::size_t i = 0; i < 17; ++i) sent += parts[i];  // 16 that hold something, and the empty one

  const auto st = p.client.write(p.client_io, buffers);
  EXPECT_EQ(st.bytes, sent.size());
  EXPECT_EQ(records_of(p.to_server).size(), 1u);
  EXPECT_EQ(arrived(), sent);
}

TEST_P(connection_write, of_nothing_does_nothing) {
  p.client_io.calls = 0;
  const std::array<::iovec, 1> empty{};
  EXPECT_EQ(p.client.write(p.client_io, {}).next, want::nothing);
  EXPECT_EQ(p.client.write(p.client_io, empty).bytes, 0u);
  EXPECT_EQ(p.client_io.calls, 0u);
  EXPECT_TRUE(p.client.unsent().empty());
}

TEST_P(connection_write, a_driver_may_take_what_is_unsent_itself) {
  p.client_io.accepts_output = false;
  const auto text = random_text(40'000);
  EXPECT_EQ(write_text(p.client, p.client_io, text).bytes, text.size());
  while (!p.client.unsent().empty()) {
    const auto part = p.client.unsent().first(std::min<std::size_t>(p.client.unsent().size(), 999));
    put(p.to_server, {reinterpret_cast<const char*>(part.data()), part.size()});
    p.client.sent(part.size());
  }
  EXPECT_EQ(p.client.flush(p.client_io).next, want::nothing);
  EXPECT_EQ(arrived(), text);
}

TEST_P(connection_write, and_reading_go_on_after_buffers_were_released) {
  const auto text = random_text(30'000);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(p.client_to_server(text), text);
    EXPECT_EQ(p.server_to_client(text), text);
    p.client.release_buffers();
    p.server.release_buffers();
  }
}

TEST_P(connection_write, goes_on_after_the_connection_was_moved) {
  connection moved = std::move(p.client);
  EXPECT_EQ(write_text(moved, p.client_io, "hello").bytes, 5u);
  EXPECT_EQ(arrived(), "hello");
  p.client = std::move(moved);
  EXPECT_EQ(p.server_to_client("again"), "again");
}

INSTANTIATE_TEST_SUITE_P(data, connection_write, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
