// SPDX-License-Identifier: Apache-2.0
// When the system is short of descriptors, accepting waits and goes on; when the listener is broken, it ends.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <list>
#include <optional>

namespace sluice::test {
namespace {

// No descriptor can be opened while it lives, except those below that are free.
class no_descriptors {
 public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int probe = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // the lowest that is free
    ::close(probe);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(probe);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

int listener_of(unsigned short port) {
  for (int fd = 0; fd < 1000; ++fd) {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    int is_listening = 0;
    socklen_t flag_size = sizeof is_listening;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0 || ntohs(at.sin_port) != port) continue;
    ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &flag_size);
    if (is_listening) return fd;
  }
  return -1;
}

struct acceptor_trouble : ::testing::Test {
  asio::io_context io;
  std::vector<std::pair<failure, tcp::endpoint>> troubles;
  acceptor in{io, loopback(), server_context(), {.on_failure = [this](const failure& error, const tcp::endpoint& peer) {
                troubles.emplace_back(error, peer);
              }}};
  error_code ec;
  std::optional<tcp_stream> got;

  void accept() {
    in.async_accept([this](const error_code& e, tcp_stream s) {
      ec = e;
      got.emplace(std::move(s));
    });
  }
};

TEST_F(acceptor_trouble, of_too_many_open_files_is_reported_and_outlived) {
  run_ready(io);
  accept();
  tcp::socket socket(io);
  socket.connect(in.local_endpoint());  // it is in the backlog
  std::size_t reports = 0;
  {
    const no_descriptors none;
    const auto began = clock_type::now();
    ASSERT_TRUE(run_until(io, [this] { return troubles.size() >= 4; }));
    EXPECT_GE(clock_type::now() - began, 10ms + 20ms + 40ms) << "it tries without rest";
    reports = troubles.size();
  }
  for (const auto& [error, peer] : troubles) {
    EXPECT_EQ(error.code, boost::system::errc::too_many_files_open);
    EXPECT_EQ(error.where, "acceptor");
    EXPECT_EQ(peer, tcp::endpoint());
  }
  EXPECT_FALSE(got.has_value()) << "async_accept does not fail for this";
  tcp_stream client(std::move(socket), client_context(), "localhost");
  outcome shaken;
  client.async_handshake(shaken.handler());
  EXPECT_FALSE(shaken.wait(io));
  ASSERT_TRUE(run_until(io, [this] { return got.has_value(); }));
  EXPECT_FALSE(ec);
  EXPECT_EQ(troubles.size(), reports);
}

TEST_F(acceptor_trouble, of_a_broken_listener_ends_accepting) {
  accept();
  tcp::socket silent(io);
  silent.connect(in.local_endpoint());
  ASSERT_TRUE(run_until(io, [this] { return in.silent_connections() == 1; }));
  const int fd = listener_of(in.local_endpoint().port());
  ASSERT_GE(fd, 0);
  ::shutdown(fd, SHUT_RD);  // not ours to do, so nothing else would
  ASSERT_TRUE(run_until(io, [this] { return got.has_value(); }));
  EXPECT_EQ(ec, boost::system::errc::invalid_argument) << ec.message();
  EXPECT_EQ(got->last_failure().code, ec);
  EXPECT_TRUE(troubles.empty());
  got.reset();
  accept();
  ASSERT_TRUE(run_until(io, [this] { return got.has_value(); }));
  EXPECT_EQ(ec, boost::system::errc::invalid_argument);
}

}  // namespace
}  // namespace sluice::test
