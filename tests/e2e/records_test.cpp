// SPDX-License-Identifier: Apache-2.0
// Many records leave in one write to the socket.
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"

#include <sys/socket.h>

#include <atomic>

namespace {
std::atomic<int> sends = 0;
}

// The program is linked with --wrap for both: whoever sends, we hear of it.
extern "C" {
ssize_t __real_send(int fd, const void* from, size_t size, int flags);
ssize_t __wrap_send(int fd, const void* from, size_t size, int flags) {
  ++sends;
  return __real_send(fd, from, size, flags);
}
ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
  ++sends;
  return __real_sendmsg(fd, message, flags);
}
}

namespace sluice::test {
namespace {

struct records : ::testing::Test {
  asio::io_context io;
  joined_streams ends{[this] {
                        auto raw = join_sockets(io.get_executor());
                        // Room for all of it, so that no call is cut short.
                        raw.client.set_option(asio::socket_base::send_buffer_size(4 << 20));
                        raw.server.set_option(asio::socket_base::receive_buffer_size(4 << 20));
                        return raw;
                      }(),
                      client_context(), server_context()};

  // Writes all of it with as few operations as the stream allows; answers the calls it took.
  int calls_to_write(const std::string& text) {
    const int before = sends;
    for (std::size_t done = 0; done < text.size();) {
      outcome wrote;
      ends.client.async_write_some(asio::buffer(text) + done, wrote.handler());
      EXPECT_FALSE(wrote.wait(io));
      EXPECT_GT(wrote.bytes, 0u);
      done += wrote.bytes;
    }
    const int calls = sends - before;
    std::string got(text.size(), '\0');
    outcome read;
    asio::async_read(ends.server, asio::buffer(got), read.handler());
    EXPECT_FALSE(read.wait(io));
    EXPECT_TRUE(got == text);
    return calls;
  }
};

TEST_F(records, leave_together) {
  ends.shake_hands(io);
  EXPECT_EQ(calls_to_write(random_text(256 * 1024)), 2) << "128 KiB a call, 17 records";
  EXPECT_EQ(calls_to_write(random_text(40000)), 1);
  EXPECT_EQ(calls_to_write("x"), 1);
}

TEST_F(records, are_filled_from_many_small_buffers) {
  ends.shake_hands(io);
  const auto text = random_text(16 * 500);
  std::vector<asio::const_buffer> pieces;
  pieces.reserve(16);
  for (std::size_t i = 0; i < 16; ++i) pieces.push_back(asio::buffer(text) + i * 500);
  for (auto& piece : pieces) piece = asio::buffer(piece, 500);
  pieces.insert(pieces.begin() + 3, asio::const_buffer());
  const int before = sends;
  outcome wrote, read;
  ends.client.async_write_some(pieces, wrote.handler());
  EXPECT_FALSE(wrote.wait(io));
  EXPECT_EQ(sends - before, 1);
  EXPECT_EQ(wrote.bytes, text.size());
  std::string got(text.size(), '\0');
  ends.server.async_read_some(asio::buffer(got), read.handler());
  EXPECT_FALSE(read.wait(io));
  EXPECT_EQ(read.bytes, text.size()) << "one record";
  EXPECT_EQ(got, text);
}

TEST_F(records, of_a_handshakes_flight_leave_together) {
  const int before = sends;
  ends.shake_hands(io);
  // Two flights of the client's and one of the server's; s2n sends a change_cipher_spec of compatibility on its own.
  EXPECT_LE(sends - before, 5);
}

}  // namespace
}  // namespace sluice::test
