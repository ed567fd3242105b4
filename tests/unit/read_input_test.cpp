// SPDX-License-Identifier: Apache-2.0
// How often a read asks the transport: no more often than something may be there.
#include "support/flavour.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

// Counts the reads, and answers may_have_input() as it is set, or truly.
struct counting_end final : transport {
  explicit counting_end(pipe_end& under, const wire& input) : to(under), from(input) {}
  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override {
    ++reads;
    return to.read(into, ec);
  }
  bool may_have_input() const noexcept override { return answer.value_or(!from.bytes.empty() || from.is_cut); }
  std::size_t write(std::span<const std::byte> bytes, error_code& ec) noexcept override { return to.write(bytes, ec); }

  pipe_end& to;
  const wire& from;
  std::optional<bool> answer;
  int reads = 0;
};

struct read_asks : ::testing::TestWithParam<flavour> {
  pair p = make_pair(GetParam());
  counting_end io{p.server_io, p.to_server};
  std::vector<std::byte> room = std::vector<std::byte>(64 * 1024);

  void SetUp() override { ASSERT_TRUE(p.handshake()) << why(p); }
  void client_writes(std::size_t bytes) { write_text(p.client, p.client_io, std::string(bytes, 'x')); }
};

TEST_P(read_asks, once_for_all_that_is_there) {
  io.answer = true;
  client_writes(1000);
  EXPECT_EQ(p.server.read(io, room).bytes, 1000u);
  EXPECT_EQ(io.reads, 1);
  client_writes(10);
  client_writes(20);
  EXPECT_EQ(p.server.read(io, room).bytes, 30u);
  EXPECT_EQ(io.reads, 2);
  EXPECT_EQ(p.server.read(io, room).next, want::read);
  EXPECT_EQ(io.reads, 3);
}

TEST_P(read_asks, not_at_all_where_there_is_certainly_nothing) {
  EXPECT_EQ(p.server.read(io, room).next, want::read);
  EXPECT_EQ(io.reads, 0);
  client_writes(1000);
  EXPECT_EQ(p.server.read(io, room).bytes, 1000u);
  EXPECT_EQ(io.reads, 1);
  EXPECT_EQ(p.server.read(io, room).next, want::read);
  EXPECT_EQ(io.reads, 1);
}

// What the engine has taken and not given out is returned without asking.
TEST_P(read_asks, after_what_was_read_ahead) {
  client_writes(1000);
  EXPECT_EQ(p.server.read(io, std::span(room).first(300)).bytes, 300u);
  const int before = io.reads;
  EXPECT_EQ(p.server.read(io, std::span(room).first(300)).bytes, 300u);
  EXPECT_EQ(p.server.read(io, room).bytes, 400u);
  EXPECT_EQ(io.reads, before);
  EXPECT_EQ(p.server.read(io, room).next, want::read);
}

TEST_P(read_asks, and_finds_the_end) {
  client_writes(5);
  EXPECT_EQ(p.client.shutdown_write(p.client_io).error, error_code());
  EXPECT_EQ(p.server.read(io, room).bytes, 5u);
  EXPECT_TRUE(p.server.read(io, room).ended);
  EXPECT_TRUE(p.server.read(io, room).ended);
}

TEST_P(read_asks, and_finds_a_cut) {
  client_writes(5);
  p.to_server.is_cut = true;
  EXPECT_EQ(p.server.read(io, room).bytes, 5u);
  EXPECT_EQ(p.server.read(io, room).error, errc::truncated);
}

// Half a record is read again when the rest may have come.
TEST_P(read_asks, for_the_rest_of_a_record) {
  client_writes(1000);
  const auto all_of_it = p.to_server.bytes;
  const auto middle = all_of_it.begin() + 500;
  p.to_server.bytes.assign(all_of_it.begin(), middle);
  EXPECT_EQ(p.server.read(io, room).next, want::read);
  p.to_server.bytes.assign(middle, all_of_it.end());
  EXPECT_EQ(p.server.read(io, room).bytes, 1000u);
}

INSTANTIATE_TEST_SUITE_P(input, read_asks, ::testing::Values(tls12, tls13), flavour_name);

TEST(memory_transport, may_have_input_until_it_is_empty) {
  memory_transport io;
  EXPECT_FALSE(io.may_have_input());
  io.incoming.resize(3);
  EXPECT_TRUE(io.may_have_input());
  io.incoming.clear();
  io.incoming_ended = true;
  EXPECT_TRUE(io.may_have_input());
}

}  // namespace
}  // namespace sluice::test
