// SPDX-License-Identifier: Apache-2.0
// What s2n takes for a fault of ours and the peer brought about: it is a protocol error, and the alert says so.
#include "support/flavour.hpp"
#include "support/sessions.hpp"
#include "support/wiretap.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::string_literals;

constexpr char server_hello = 2, encrypted_extensions = 8;
constexpr std::uint8_t unexpected_message = 10, illegal_parameter = 47;
const auto certificate_request = record_bytes(handshake_record, "\x0d\0\0\0"s);

void expect_peers_fault(connection& ours, transport& io, connection& theirs, transport& their_io, std::uint8_t alert) {
  const auto& error = ours.last_failure();
  EXPECT_EQ(cause_of(error.code), errc::protocol_error) << error.engine << ' ' << error.message();
  ours.close_failed(io);
  EXPECT_EQ(theirs.handshake(their_io).error, (error_code{alert, alert_category()})) << error.engine;
}

client_options with_identity(client_options options = {}) {
  options.identity = identity::from_pem(device().chain, device().key).value();
  options.blinding = blinding::off();
  return options;
}

TEST(certificate_request, that_comes_before_the_server_hello_is_unexpected) {
  for (const auto& f : flavours) {
    auto p = make_pair(f, with_identity());
    p.client.handshake(p.client_io);
    put(p.to_client, certificate_request);
    p.client.handshake(p.client_io);
    expect_peers_fault(p.client, p.client_io, p.server, p.server_io, unexpected_message);
  }
}

TEST(certificate_request, in_a_resumed_handshake_is_unexpected) {
  const auto client = client_context(with_identity({.sessions = make_session_store()}));
  const auto server = server_context({.versions = only(tls_version::tls1_2)});
  ASSERT_FALSE(resumes(client, server));
  pair p(client, server);
  carry_handshake(p, [](const tls_record& record) {
    const bool is_hello = record.type == handshake_record && record.body[0] == server_hello;
    return unchanged(record) + (is_hello ? certificate_request : std::string());
  });
  EXPECT_EQ(cause_of(p.client.last_failure().code), errc::protocol_error) << p.client.last_failure().message();
}

TEST(server_hello, that_takes_a_session_that_was_not_offered_is_refused) {
  const auto client = client_context({.sessions = make_session_store(), .blinding = blinding::off()});
  const auto server = server_context();
  ASSERT_FALSE(resumes(client, server));
  pair p(client, server);
  p.client.handshake(p.client_io);
  p.server.handshake(p.server_io);
  change_records(p.to_client, [](const tls_record& record) {
    auto body = record.body;
    const auto at = body.find("\0\x29\0\2\0\0"s);
    if (record.type == handshake_record && at != std::string::npos) body[at + 5] = 7;
    return record_bytes(record.type, body);
  });
  p.client.handshake(p.client_io);
  expect_peers_fault(p.client, p.client_io, p.server, p.server_io, illegal_parameter);
}

// A server that takes early data in EncryptedExtensions, and is not the one that gave the ticket (RFC 8446 §4.2.10).
TEST(encrypted_extensions, that_take_early_data_without_the_session_are_refused) {
  const auto client = client_context({.sessions = make_session_store(), .blinding = blinding::off()});
  ASSERT_FALSE(resumes(client, server_context({.max_early_data = 1024})));
  const key_lines keys;
  const auto request = "GET /"s;
  pair p(client, server_context({.key_log = keys.log()}),
         {.server_name = "localhost", .alpn = {}, .early_data = std::as_bytes(std::span(request))});
  bool is_changed = false;
  const auto take_it = [&, lane = std::shared_ptr<lane_keys>()](const tls_record& record) mutable {
    if (record.type != data_record) return unchanged(record);
    if (!lane) lane = std::make_shared<lane_keys>(lane_keys::tls13(keys.line("SERVER_HANDSHAKE_TRAFFIC_SECRET")));
    return lane->change(record, [&](std::uint8_t&, std::string& plain) {
      if (plain[0] != encrypted_extensions) return;
      plain = "\x08\0\0\6\0\4\0\x2a\0\0"s;
      is_changed = true;
    });
  };
  EXPECT_FALSE(carry_handshake(p, take_it));
  EXPECT_TRUE(is_changed);
  expect_peers_fault(p.client, p.client_io, p.server, p.server_io, illegal_parameter);
}

}  // namespace
}  // namespace sluice::test
