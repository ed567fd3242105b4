// SPDX-License-Identifier: Apache-2.0
// The two transports that come with the library.
#include "sluice/transport.hpp"
#include "support/bytes.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace sluice::test {
namespace {

namespace sys = boost::system::errc;

struct socket_pair : ::testing::Test {
  socket_pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0); }
  ~socket_pair() override {
    for (int end : ends) ::close(end);
  }
  int ends[2] = {-1, -1};
  error_code ec;
  std::array<std::byte, 64> room{};
};

TEST_F(socket_pair, carries_bytes_and_never_waits_though_the_descriptor_would) {
  socket_transport a(ends[0]), b(ends[1]);
  EXPECT_EQ(b.read(room, ec), 0u);
  EXPECT_EQ(ec, sys::operation_would_block);
  EXPECT_EQ(a.write(bytes_of("hello"), ec), 5u);
  EXPECT_FALSE(ec);
  EXPECT_EQ(b.read(room, ec), 5u);
  EXPECT_FALSE(ec);
  EXPECT_EQ(std::memcmp(room.data(), "hello", 5), 0);
}

TEST_F(socket_pair, that_is_full_takes_a_part_and_then_nothing) {
  socket_transport a(ends[0]);
  const std::vector<std::byte> much(50'000'000);
  EXPECT_LT(a.write(much, ec), much.size());
  EXPECT_FALSE(ec);
  EXPECT_EQ(a.write(much, ec), 0u);
  EXPECT_EQ(ec, sys::operation_would_block);
}

TEST_F(socket_pair, whose_other_end_is_gone_ends_and_breaks_without_a_signal) {
  socket_transport a(ends[0]);
  ::close(std::exchange(ends[1], -1));
  EXPECT_EQ(a.read(room, ec), 0u);
  EXPECT_FALSE(ec);
  EXPECT_EQ(a.write(bytes_of("x"), ec), 0u);
  EXPECT_EQ(ec, sys::broken_pipe);
}

TEST(socket, that_is_none_is_an_error) {
  socket_transport none(-1);
  error_code ec;
  std::byte one{};
  EXPECT_EQ(none.read({&one, 1}, ec), 0u);
  EXPECT_EQ(ec, sys::bad_file_descriptor);
}

TEST(memory, is_two_queues) {
  memory_transport m;
  error_code ec;
  std::array<std::byte, 3> room{};
  EXPECT_EQ(m.read(room, ec), 0u);
  EXPECT_EQ(ec, sys::operation_would_block);
  const auto text = bytes_of("abcd");
  m.incoming.assign(text.begin(), text.end());
  EXPECT_EQ(m.read(room, ec), 3u);
  EXPECT_EQ(m.read(room, ec), 1u);
  EXPECT_FALSE(ec);
  m.incoming_ended = true;
  EXPECT_EQ(m.read(room, ec), 0u);
  EXPECT_FALSE(ec);
  EXPECT_EQ(m.write(text, ec), 4u);
  EXPECT_EQ(m.write(text, ec), 4u);
  EXPECT_EQ(m.outgoing.size(), 8u);
}

}  // namespace
}  // namespace sluice::test
