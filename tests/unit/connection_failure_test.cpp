// SPDX-License-Identifier: Apache-2.0
// Handshakes that cannot succeed: alerts, garbage, hang-ups, misuse. Each has its exact error, and keeps it.
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/watch.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::string_literals;

void expect_latched(connection& c, pipe_end& io, const error_code& code) {
  EXPECT_TRUE(c.has_failed());
  EXPECT_FALSE(c.is_established());
  EXPECT_EQ(c.last_failure().code, code);
  std::vector<std::byte> room(100);
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_EQ(c.handshake(io).error, code);
    EXPECT_EQ(c.read(io, room).error, code);
    EXPECT_EQ(write_text(c, io, "x").error, code);
    EXPECT_EQ(c.shutdown(io).error, code);
    EXPECT_EQ(c.shutdown_write(io).error, code);
  }
}

TEST(connection_failure, an_alert_from_the_peer_is_reported_by_number_and_name) {
  for (const auto number : {10, 40, 42, 48, 70, 80, 112, 116, 120}) {
    const auto description = static_cast<std::uint8_t>(number);
    auto p = make_pair(tls13);
    EXPECT_EQ(p.client.handshake(p.client_io).next, want::read);
    put(p.to_client, alert_bytes(description));
    const auto st = p.client.handshake(p.client_io);
    EXPECT_EQ(st.error, (error_code{description, alert_category()}));
    EXPECT_TRUE(st.error == errc::alert);
    const auto& error = p.client.last_failure();
    EXPECT_EQ(error.from, origin::peer);
    EXPECT_EQ(error.alert.which, alert_info::direction::received);
    EXPECT_EQ(error.alert.description, description);
    EXPECT_NE(st.error.message().find(alert_name(description)), std::string::npos) << st.error.message();
    EXPECT_EQ(error.where, "localhost");
    EXPECT_EQ(error.at, phase::handshake);
    expect_latched(p.client, p.client_io, st.error);
  }
}

TEST(connection_failure, close_notify_in_a_handshake_is_closed) {
  auto p = make_pair(tls13);
  p.client.handshake(p.client_io);
  put(p.to_client, alert_bytes(0, 1));
  const auto st = p.client.handshake(p.client_io);
  EXPECT_EQ(st.error, make_error_code(errc::connection_closed));
  EXPECT_EQ(p.client.last_failure().detail, "it sent close_notify");
  EXPECT_EQ(p.client.statistics().alert_received, 0);
  expect_latched(p.client, p.client_io, st.error);
}

TEST(connection_failure, a_hang_up_in_a_handshake_is_closed) {
  for (const auto& f : flavours) {
    auto p = make_pair(f);
    p.client.handshake(p.client_io);
    p.to_client.is_cut = true;
    EXPECT_EQ(p.client.handshake(p.client_io).error, make_error_code(errc::connection_closed));
    EXPECT_EQ(p.client.last_failure().detail, "");
    p.to_server.bytes.resize(p.to_server.bytes.size() / 2);
    p.to_server.is_cut = true;
    EXPECT_EQ(p.server.handshake(p.server_io).error, make_error_code(errc::connection_closed));
    EXPECT_EQ(p.server.last_failure().from, origin::peer);
  }
}

const std::vector<std::string> garbage = {
    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n",
    "220 mail.example.org ESMTP ready\r\n",
    "\0\0\0\0\0\0\0\0\0\0"s,
    std::string(300, '\xff'),
    "\x16\x03\x01\xff\xff too long a record"s,
    "\x17\x03\x03\x00\x05hello"s,
    "G",
};

TEST(connection_failure, what_is_not_tls_is_a_protocol_error_for_a_client) {
  for (const auto& text : garbage) {
    auto p = make_pair(tls13);
    p.client.handshake(p.client_io);
    put(p.to_client, text);
    const auto st = p.client.handshake(p.client_io);
    EXPECT_TRUE(st.error == errc::protocol_error) << text << ": " << st.error.message();
    EXPECT_EQ(p.client.last_failure().category(), "tls");
    EXPECT_EQ(p.client.last_failure().from, origin::local) << text;
    if (st.error) expect_latched(p.client, p.client_io, st.error);
  }
}

TEST(connection_failure, what_is_not_tls_is_a_protocol_error_for_a_server) {
  for (const auto& text : garbage) {
    for (const auto& f : {tls12, tls13}) {
      auto p = make_pair(f);
      put(p.to_server, text);
      const auto st = p.server.handshake(p.server_io);
      EXPECT_TRUE(st.error == errc::protocol_error) << text << ": " << st.error.message();
      if (st.error) expect_latched(p.server, p.server_io, st.error);
    }
  }
}

// Damage anywhere in a flight is an error of the peer's making, or a handshake that cannot finish: never called
// internal, never misuse, never a crash.
void expect_peers_fault(const connection& c, std::size_t at) {
  if (!c.has_failed()) return;  // a byte that means nothing, such as a record's legacy version
  const auto cause = cause_of(c.last_failure().code);
  EXPECT_NE(cause, errc::internal) << at << ": " << c.last_failure().engine << ' ' << c.last_failure().message();
  EXPECT_NE(cause, errc::invalid_argument)
      << at << ": " << c.last_failure().engine << ' ' << c.last_failure().message();
}

void damage(wire& w, std::size_t at) { w.bytes[at] ^= std::byte(0x55); }

TEST(connection_failure, a_damaged_client_hello_is_the_peers_fault) {
  std::size_t size = 1;
  for (std::size_t at = 0; at < size; at += 1 + at / 64) {
    auto p = make_pair(tls13);
    p.client.handshake(p.client_io);
    size = p.to_server.bytes.size();
    damage(p.to_server, at);
    p.to_server.is_cut = true;
    ASSERT_TRUE(p.server.handshake(p.server_io).error) << at;
    expect_peers_fault(p.server, at);
  }
}

TEST(connection_failure, a_damaged_server_flight_is_the_peers_fault) {
  for (const auto& f : flavours) {
    std::size_t size = 1;
    for (std::size_t at = 0; at < size; at += 3 + at / 64) {
      auto p = make_pair(f);
      p.client.handshake(p.client_io);
      p.server.handshake(p.server_io);
      size = p.to_client.bytes.size();
      damage(p.to_client, at);
      p.client.handshake(p.client_io);
      p.to_client.is_cut = true;
      p.server.handshake(p.server_io);
      p.client.handshake(p.client_io);
      expect_peers_fault(p.client, at);
    }
  }
}

TEST(connection_failure, a_damaged_second_client_flight_is_the_peers_fault) {
  for (const auto& f : flavours) {
    std::size_t size = 1;
    for (std::size_t at = 0; at < size; ++at) {
      auto p = make_pair(f);
      p.client.handshake(p.client_io);
      p.server.handshake(p.server_io);
      p.client.handshake(p.client_io);
      size = p.to_server.bytes.size();
      damage(p.to_server, at);
      p.to_server.is_cut = true;
      p.server.handshake(p.server_io);
      expect_peers_fault(p.server, at);
    }
  }
}

TEST(connection_failure, a_context_for_the_other_role_is_misuse) {
  connection as_server(client_context(), role::server);
  connection as_client(server_context(), role::client, "localhost");
  wire in, out;
  pipe_end io(in, out);
  for (auto* c : {&as_server, &as_client}) {
    EXPECT_EQ(c->handshake(io).error, make_error_code(errc::invalid_argument));
    EXPECT_EQ(c->last_failure().detail, "the context is for the other role");
    expect_latched(*c, io, make_error_code(errc::invalid_argument));
    c->close_failed(io);
    c->reset();
    EXPECT_EQ(c->handshake(io).error, make_error_code(errc::invalid_argument));
  }
  EXPECT_TRUE(out.bytes.empty());
}

TEST(connection_failure, nothing_is_read_or_written_before_the_handshake_is_done) {
  auto p = make_pair(tls13);
  std::vector<std::byte> room(100);
  EXPECT_EQ(p.client.read(p.client_io, room).error, make_error_code(errc::not_ready));
  EXPECT_EQ(write_text(p.client, p.client_io, "x").error, make_error_code(errc::not_ready));
  EXPECT_EQ(p.client.shutdown(p.client_io).error, make_error_code(errc::not_ready));
  EXPECT_EQ(p.client.shutdown_write(p.client_io).error, make_error_code(errc::not_ready));
  EXPECT_FALSE(p.client.has_failed());
  EXPECT_TRUE(p.to_server.bytes.empty());
  EXPECT_TRUE(p.handshake()) << why(p);
}

TEST(connection_failure, from_outside_is_kept_and_the_first_one_counts) {
  auto p = make_pair(tls13);
  p.client.handshake(p.client_io);
  failure error;
  error.code = make_error_code(errc::timed_out);
  error.detail = "after 10 s";
  p.client.fail(error);
  expect_latched(p.client, p.client_io, make_error_code(errc::timed_out));
  EXPECT_EQ(p.client.last_failure().detail, "after 10 s");
  EXPECT_EQ(p.client.last_failure().where, "localhost");
  error.code = make_error_code(errc::cancelled);
  p.client.fail(error);
  EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::timed_out));
}

TEST(connection_failure, without_a_code_is_an_internal_one) {
  auto p = make_pair(tls13);
  p.client.fail({});
  expect_latched(p.client, p.client_io, make_error_code(errc::internal));
}

TEST(connection_failure, of_an_established_connection_stops_both_directions) {
  const auto watch = std::make_shared<recorder>();
  auto p = make_pair(tls13, {.observer = watch});
  ASSERT_TRUE(p.handshake());
  failure error;
  error.code = make_error_code(errc::cancelled);
  p.client.fail(error);
  expect_latched(p.client, p.client_io, make_error_code(errc::cancelled));
  ASSERT_EQ(watch->failures().size(), 1u);
  EXPECT_EQ(watch->handshakes().size(), 1u);
  EXPECT_FALSE(watch->handshakes()[0].error);
}

}  // namespace
}  // namespace sluice::test
