// SPDX-License-Identifier: Apache-2.0
// A client in a process that has no descriptor left: the error says so, in the phase it was in.
#include "e2e/names.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <sluice/blocking.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sstream>

namespace sluice::test {
namespace {

// So many descriptors can be opened while it lives.
class few_descriptors {
 public:
  explicit few_descriptors(rlim_t left = 0) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int probe = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(probe);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(probe) + left;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

struct descriptors : ::testing::Test {
  asio::io_context io;
  tcp::acceptor in{io, loopback()};
  context tls = client_context();
  failure error;

  void connect(const std::string& host) {
    run_ready(io);  // what the loop itself needs is there
    outcome done;
    async_connect(io, tls, host, std::to_string(in.local_endpoint().port()), {.timeout = 20s, .failure = &error},
                  [&](const error_code& ec, const tcp_stream&) { done.handler()(ec); });
    EXPECT_EQ(done.wait(io), errc::too_many_descriptors) << error.message();
    EXPECT_EQ(code_name(error.code), "too_many_descriptors");
    EXPECT_NE(error.remedy.find("ulimit"), std::string::npos) << error.message();
  }
};

TEST_F(descriptors, that_are_missing_for_a_socket_belong_to_the_connect) {
  const few_descriptors none;
  connect("127.0.0.1");
  EXPECT_EQ(error.category(), "connect");
  EXPECT_EQ(error.at, phase::connect);
}

TEST_F(descriptors, that_are_missing_for_a_name_belong_to_the_lookup) {
  const few_descriptors none;
  connect("no-such-name.invalid");
  EXPECT_EQ(error.category(), "resolve");
  EXPECT_EQ(error.at, phase::resolve);
}

// poll(2) that fails is an error and not a loop without end: it refuses one descriptor where none is allowed.
TEST(blocking_waits, end_when_they_cannot_be_made) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  connection tls(client_context(), role::client, "localhost");
  raw.client.non_blocking(true);
  rlimit before{}, none{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);
  const auto ec = blocking::handshake(tls, raw.client.native_handle(), clock_type::now() + 30s);
  tcp_stream stream(std::move(raw.server), server_context(), role::server);
  error_code stream_ec;
  stream.handshake(stream_ec);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(ec, boost::system::errc::invalid_argument) << ec.message();
  EXPECT_EQ(stream_ec, boost::system::errc::invalid_argument) << stream_ec.message();
}

TEST(failures, can_be_written_to_a_stream) {
  failure error;
  error.code = make_error_code(errc::connection_refused);
  error.where = "localhost:1";
  std::ostringstream text;
  text << error;
  EXPECT_EQ(text.str(), error.message());
}

}  // namespace
}  // namespace sluice::test
