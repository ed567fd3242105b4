// SPDX-License-Identifier: Apache-2.0
// A peer that never stops sending does not keep the loop, and what it sends behind the end of TLS is not lost.
#include "e2e/sides.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"

#include "sluice/blocking.hpp"

#include <boost/asio/post.hpp>

#include <thread>

namespace sluice::test {
namespace {

constexpr std::size_t records = 2000, max_records = 64;  // a call

// Counts the turns of a loop, until it is told to end.
struct turns {
  explicit turns(asio::io_context& where) : io(where) { next(); }
  void next() {
    asio::post(io, [this] {
      ++count;
      if (!is_over) next();
    });
  }
  asio::io_context& io;
  std::size_t count = 0;
  bool is_over = false;
};

struct never_ending : ::testing::TestWithParam<flavour> {
  asio::io_context io;
  joined_streams ends{io.get_executor(), client_context(), server_context({.versions = GetParam().versions()})};
  void SetUp() override {
    ends.shake_hands(io);
    const char byte = 'x';
    for (std::size_t i = 0; i < records; ++i) ends.client.write_some(asio::buffer(&byte, 1));  // the socket holds them
  }
};
INSTANTIATE_TEST_SUITE_P(of, never_ending, ::testing::Values(tls12, tls13), flavour_name);

TEST_P(never_ending, records_leave_the_loop_its_turns_while_the_end_is_awaited) {
  outcome c, s;
  ends.client.async_shutdown(c.handler());
  turns other(io);
  ends.server.async_shutdown(s.handler());
  EXPECT_FALSE(s.wait(io)) << s.ec.message();
  EXPECT_GE(other.count, records / max_records);
  other.is_over = true;
  EXPECT_FALSE(c.wait(io)) << c.ec.message();
}

TEST_P(never_ending, records_leave_the_loop_its_turns_while_they_are_read) {
  turns other(io);
  std::vector<char> room(1 << 16);
  std::size_t done = 0;
  while (done < records) {
    outcome read;
    ends.server.async_read_some(asio::buffer(room), read.handler());
    ASSERT_FALSE(read.wait(io)) << read.ec.message();
    EXPECT_LE(read.bytes, max_records);
    done += read.bytes;
  }
  EXPECT_GE(other.count, records / max_records);
  other.is_over = true;
  run_ready(io);
}

TEST_P(never_ending, records_are_no_hindrance_to_a_deadline) {
  ends.server.set_timeouts(10s, 0ms);
  outcome s;
  ends.server.async_shutdown(s.handler());
  EXPECT_EQ(s.wait(io), errc::timed_out);
}

// A client without an engine between it and its socket, that can put what it likes behind its close_notify.
struct parting_client {
  struct keeper final : transport {
    explicit keeper(int descriptor) : fd(descriptor) {}
    std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override {
      return socket_transport(fd).read(into, ec);
    }
    std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override {
      ec = {};
      out.append(reinterpret_cast<const char*>(from.data()), from.size());
      return from.size();
    }
    int fd;
    std::string out;
  };
  explicit parting_client(asio::io_context& io, const flavour& f)
      : socket(io), tls(client_context({.versions = f.versions()}), role::client, "localhost") {}
  // close_notify and the rest in one segment.
  void part(const std::string& plain) {
    keeper k(socket.native_handle());
    EXPECT_FALSE(tls.shutdown_write(k).error);
    asio::write(socket, asio::buffer(k.out + plain));
  }
  tcp::socket socket;
  connection tls;
};

struct released : ::testing::TestWithParam<flavour> {
  asio::io_context io;
  tcp::acceptor in{io, {asio::ip::address_v4::loopback(), 0}};
  parting_client client{io, GetParam()};
  std::optional<tcp_stream> server;
  const std::string plain = "plain text follows\n";

  void SetUp() override {
    client.socket.connect(in.local_endpoint());
    server.emplace(in.accept(), server_context(), role::server);
    std::thread other(
        [this] { blocking::handshake(client.tls, client.socket.native_handle(), clock_type::now() + 60s); });
    outcome done;
    server->async_handshake(done.handler());
    EXPECT_FALSE(done.wait(io)) << done.ec.message();
    other.join();
    client.part(plain);
  }
  std::string text_in(tcp::socket& s, std::size_t size) {
    std::string text(size, '\0');
    error_code ec;
    text.resize(asio::read(s, asio::buffer(text), ec));
    return text;
  }
};
INSTANTIATE_TEST_SUITE_P(of, released, ::testing::Values(tls12, tls13), flavour_name);

TEST_P(released, the_socket_has_what_came_behind_close_notify_after_a_shutdown) {
  outcome done;
  server->async_shutdown(done.handler());
  EXPECT_FALSE(done.wait(io)) << done.ec.message();
  auto socket = server->release();
  EXPECT_EQ(text_in(socket, plain.size()), plain);
}

TEST_P(released, the_socket_has_what_came_behind_close_notify_after_a_synchronous_shutdown) {
  error_code ec;
  server->shutdown(ec);
  EXPECT_FALSE(ec) << ec.message();
  auto socket = server->release();
  EXPECT_EQ(text_in(socket, plain.size()), plain);
}

TEST_P(released, what_a_read_has_taken_from_behind_close_notify_is_given_back) {
  char byte = 0;
  outcome read;
  server->async_read_some(asio::buffer(&byte, 1), read.handler());
  EXPECT_EQ(read.wait(io), asio::error::eof);
  std::vector<std::byte> ahead;
  auto socket = server->release(ahead);
  const std::string first(reinterpret_cast<const char*>(ahead.data()), ahead.size());
  EXPECT_EQ(first + text_in(socket, plain.size() - first.size()), plain);
}

}  // namespace
}  // namespace sluice::test
