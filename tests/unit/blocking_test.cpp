// SPDX-License-Identifier: Apache-2.0
// A connection over a socket, driven by waiting: both ends of a socketpair, deadlines, keys elsewhere.
#include "support/bytes.hpp"
#include "support/flavour.hpp"
#include "support/signer.hpp"

#include "sluice/blocking.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

blocking::time_point soon() { return clock_type::now() + 60s; }
struct sockets {
  sockets() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0); }
  sockets(const sockets&) = delete;
  sockets& operator=(const sockets&) = delete;
  ~sockets() {
    for (int end : ends) ::close(end);
  }
  int ends[2];
};

std::string read_exactly(connection& tls, int descriptor, std::size_t size) {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    error_code ec;
    const auto n =
        blocking::read_some(tls, descriptor, std::as_writable_bytes(std::span(text)).subspan(done), ec, soon());
    EXPECT_FALSE(ec) << ec.message();
    if (n == 0) break;
    done += n;
  }
  text.resize(done);
  return text;
}

// Echoes what it gets until the client is done.
void serve_echo(const context& ctx, int descriptor) {
  connection tls(ctx, role::server);
  ASSERT_FALSE(blocking::handshake(tls, descriptor, soon())) << tls.last_failure().message();
  std::vector<std::byte> buffer(30'000);
  for (;;) {
    error_code ec;
    const auto n = blocking::read_some(tls, descriptor, buffer, ec, soon());
    ASSERT_FALSE(ec) << ec.message();
    if (n == 0) break;
    EXPECT_EQ(blocking::write(tls, descriptor, std::span(buffer).first(n), ec, soon()), n);
    ASSERT_FALSE(ec) << ec.message();
  }
  EXPECT_FALSE(blocking::shutdown(tls, descriptor, soon()));
}

TEST(blocking_calls, carry_data_both_ways_and_close) {
  for (const auto& f : flavours) {
    const sockets s;
    std::thread server([&] {
      serve_echo(server_context({.identities = {site_identity(f.key_type)}, .versions = f.versions()}), s.ends[1]);
    });
    connection tls(client_context(), role::client, "localhost");
    EXPECT_FALSE(blocking::handshake(tls, s.ends[0], soon())) << tls.last_failure().message();
    const auto text = random_text(1'000'000);
    for (std::size_t at = 0; at < text.size(); at += 50'000) {  // less than the socket holds: nobody reads meanwhile
      const auto part = text.substr(at, 50'000);
      error_code ec;
      EXPECT_EQ(blocking::write(tls, s.ends[0], bytes_of(part), ec, soon()), part.size());
      EXPECT_EQ(read_exactly(tls, s.ends[0], part.size()), part);
    }
    EXPECT_FALSE(blocking::shutdown(tls, s.ends[0], soon()));
    server.join();
  }
}

TEST(blocking_calls, wait_for_a_key_elsewhere) {
  std::vector<std::thread> workers;
  const auto generated = signer_site("ec256", [&workers](const signer& key, const sign_request& request,
                                                         signature_promise promise) {
    workers.emplace_back([&key, request, promise = std::move(promise)]() mutable { promise.set(key.sign(request)); });
  });
  const sockets s;
  std::thread server([&] {
    serve_echo(server_context({.identities = {identity::from_chain(generated.chain, generated.key).value()}}),
               s.ends[1]);
  });
  connection tls(client_context(), role::client, "localhost");
  EXPECT_FALSE(blocking::handshake(tls, s.ends[0], soon()));
  error_code ec;
  blocking::write(tls, s.ends[0], bytes_of("hello"), ec, soon());
  EXPECT_EQ(read_exactly(tls, s.ends[0], 5), "hello");
  EXPECT_FALSE(blocking::shutdown(tls, s.ends[0], soon()));
  server.join();
  for (auto& w : workers) w.join();
}

TEST(blocking_handshake, with_a_silent_peer_times_out) {
  const sockets s;
  connection tls(client_context(), role::client, "localhost");
  const auto began = clock_type::now();
  EXPECT_EQ(blocking::handshake(tls, s.ends[0], began + 50ms), make_error_code(errc::timed_out));
  EXPECT_GE(clock_type::now() - began, 50ms);
  EXPECT_EQ(tls.last_failure().code, make_error_code(errc::timed_out));
  EXPECT_EQ(tls.last_failure().at, phase::handshake);
  EXPECT_EQ(blocking::handshake(tls, s.ends[0], soon()), make_error_code(errc::timed_out));
}

// As where the process may have no descriptors at all: waiting itself is refused, and would be for ever.
TEST(blocking_handshake, that_cannot_wait_says_so_at_once) {
  sockets over;
  connection tls(client_context(), role::client, "localhost");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  auto none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto ec = blocking::handshake(tls, over.ends[0], soon());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(ec, std::errc::invalid_argument) << ec.message();
}

TEST(blocking_handshake, with_a_key_that_does_not_answer_times_out_by_its_own_name) {
  held_request held;
  const auto generated = signer_site("ec256", held.behaviour());
  const sockets s;
  socket_transport io(s.ends[0]);
  connection client(client_context(), role::client, "localhost");
  EXPECT_EQ(client.handshake(io).next, want::read);
  connection tls(server_context({.identities = {identity::from_chain(generated.chain, generated.key).value()}}),
                 role::server);
  EXPECT_EQ(blocking::handshake(tls, s.ends[1], clock_type::now() + 50ms), make_error_code(errc::key_timed_out));
  EXPECT_FALSE(held.take().is_wanted());
}

TEST(blocking_handshake, with_a_peer_that_hangs_up_is_closed) {
  const sockets s;
  ::shutdown(s.ends[1], SHUT_WR);
  connection tls(client_context(), role::client, "localhost");
  EXPECT_EQ(blocking::handshake(tls, s.ends[0], soon()), make_error_code(errc::connection_closed));
}

struct blocking_data : ::testing::Test {
  blocking_data() {
    std::thread other([&] { EXPECT_FALSE(blocking::handshake(server, s.ends[1], soon())); });
    EXPECT_FALSE(blocking::handshake(client, s.ends[0], soon()));
    other.join();
  }
  sockets s;
  connection client{client_context(), role::client, "localhost"};
  connection server{server_context(), role::server};
  error_code ec;
};

TEST_F(blocking_data, that_do_not_come_time_out_and_leave_the_connection_whole) {
  std::byte one{};
  EXPECT_EQ(blocking::read_some(client, s.ends[0], {&one, 1}, ec, clock_type::now() + 20ms), 0u);
  EXPECT_EQ(ec, make_error_code(errc::timed_out));
  EXPECT_FALSE(client.has_failed());
  blocking::write(server, s.ends[1], bytes_of("late"), ec, soon());
  EXPECT_EQ(read_exactly(client, s.ends[0], 4), "late");
}

TEST_F(blocking_data, that_the_peer_does_not_read_time_out_with_what_was_taken) {
  const auto text = random_text(4'000'000);
  const auto taken = blocking::write(client, s.ends[0], bytes_of(text), ec, clock_type::now() + 50ms);
  EXPECT_EQ(ec, make_error_code(errc::timed_out));
  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, text.size());
  EXPECT_FALSE(client.has_failed());
  std::thread rest([&] {
    error_code rest_ec;
    blocking::write(client, s.ends[0], bytes_of(text).subspan(taken), rest_ec, soon());
    EXPECT_FALSE(rest_ec);
  });
  EXPECT_EQ(read_exactly(server, s.ends[1], text.size()), text);
  rest.join();
}

TEST_F(blocking_data, of_no_bytes_are_written_without_error) {
  ec = make_error_code(errc::internal);
  EXPECT_EQ(blocking::write(client, s.ends[0], {}, ec, soon()), 0u);
  EXPECT_FALSE(ec);
}

TEST_F(blocking_data, end_with_close_notify_and_are_truncated_without) {
  socket_transport io(s.ends[1]);
  server.shutdown_write(io);
  std::byte one{};
  EXPECT_EQ(blocking::read_some(client, s.ends[0], {&one, 1}, ec, soon()), 0u);
  EXPECT_FALSE(ec);
  ::shutdown(s.ends[0], SHUT_WR);
  EXPECT_EQ(blocking::read_some(server, s.ends[1], {&one, 1}, ec, soon()), 0u);
  EXPECT_EQ(ec, make_error_code(errc::truncated));
}

TEST_F(blocking_data, shutdown_without_an_answer_times_out) {
  EXPECT_EQ(blocking::shutdown(client, s.ends[0], clock_type::now() + 20ms), make_error_code(errc::timed_out));
}

}  // namespace
}  // namespace sluice::test
