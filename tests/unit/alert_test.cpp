// SPDX-License-Identifier: Apache-2.0
// After a failure of ours the peer is told the cause by a fatal alert, or sees a cut: never close_notify, and never two
// records under one key and number.
#include "testkit/authority/staple.hpp"
#include "support/alert_numbers.hpp"
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/signer.hpp"
#include "support/watch.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::string_literals;

error_code would_block() { return boost::system::errc::make_error_code(boost::system::errc::operation_would_block); }

failure failure_of(errc cause, phase at = phase::handshake) {
  failure error;
  error.code = make_error_code(cause);
  error.at = at;
  return error;
}

// One end that has failed, and what the other hears of it.
struct side_of {
  connection& tls;
  pipe_end& io;
  wire& out;  // what it sends
};
side_of client_of(pair& p) { return {p.client, p.client_io, p.to_server}; }
side_of server_of(pair& p) { return {p.server, p.server_io, p.to_client}; }

// The alert, if there is one; then nothing more leaves, whatever is called.
void say_farewell(const side_of& s) {
  ASSERT_TRUE(s.tls.has_failed());
  EXPECT_EQ(s.tls.close_failed(s.io).next, want::nothing);
  const auto size = s.out.bytes.size();
  std::vector<std::byte> room(100);
  s.tls.handshake(s.io);
  s.tls.read(s.io, room);
  write_text(s.tls, s.io, "more");
  s.tls.flush(s.io);
  s.tls.request_key_update();
  s.tls.shutdown_write(s.io);
  s.tls.shutdown(s.io);
  s.tls.close_failed(s.io);
  EXPECT_EQ(s.out.bytes.size(), size) << "something was sent after the alert";
  EXPECT_TRUE(s.tls.unsent().empty());
  s.out.is_cut = true;
}

// What an end hears once the other has gone.
step heard_by(const side_of& s) {
  auto st = s.tls.is_established() ? step{} : pair::drive(s.tls, s.io);
  if (st.error || !s.tls.is_established()) return st;
  read_all(s.tls, s.io, &st);
  return st;
}

void expect_alert(const side_of& failed, const side_of& peer, int description) {
  say_farewell(failed);
  const auto st = heard_by(peer);
  EXPECT_FALSE(st.ended) << "close_notify";
  EXPECT_EQ(st.error, error_code(description, alert_category())) << st.error.message();
  EXPECT_EQ(failed.tls.statistics().alert_sent, description);
}

struct alerts : ::testing::TestWithParam<flavour> {
  bool is_tls13() const { return GetParam().version == tls_version::tls1_3; }
  // Without blinding.
  pair meet(client_options client = {}, server_options server = {}) {
    client.blinding = server.blinding = blinding::off();
    return make_pair(GetParam(), std::move(client), std::move(server));
  }
  pair meet_client(client_auth auth, std::optional<identity> id) {
    return meet({.identity = std::move(id)}, {.client_auth = auth, .trust = trust_root()});
  }
  void expect_server_hears(pair p, int description) {
    EXPECT_FALSE(p.handshake());
    expect_alert(client_of(p), server_of(p), description);
  }
  void expect_client_hears(pair p, int description) {
    EXPECT_FALSE(p.handshake());
    expect_alert(server_of(p), client_of(p), description);
  }
};

identity stranger() {
  static const auto other = testkit::authority::make_root("Other Root").value();
  const auto made = other.issue({.common_name = "stranger"}).value();
  return identity::from_pem(made.chain, made.key).value();
}

TEST_P(alerts, say_that_a_record_does_not_open) {
  for (const bool is_server : {true, false}) {
    for (const auto& rubbish : {"\x17\x03\x03\x00\x20"s + std::string(32, 'x'), "\x17\x03\x03\x00\x05short"s,
                                "\x15\x03\x03\x00\x1a"s + std::string(26, 'y')}) {
      auto p = meet();
      ASSERT_TRUE(p.handshake()) << why(p);
      const auto failed = is_server ? server_of(p) : client_of(p);
      const auto peer = is_server ? client_of(p) : server_of(p);
      write_text(failed.tls, failed.io, "DELETE FROM users ");
      if (is_tls13() && rubbish[0] == 0x15) continue;  // the outer type alone is wrong there
      put(peer.out, rubbish);
      std::vector<std::byte> room(100);
      EXPECT_TRUE(failed.tls.read(failed.io, room).error == errc::protocol_error);
      say_farewell(failed);
      step last;
      EXPECT_EQ(read_all(peer.tls, peer.io, &last), "DELETE FROM users ");
      EXPECT_EQ(last.error, error_code(bad_record_mac, alert_category())) << last.error.message();
    }
  }
}

TEST_P(alerts, are_sealed_behind_new_keys_and_a_closed_write_side_sends_none) {
  if (is_tls13()) {
    auto p = meet();
    ASSERT_TRUE(p.handshake());
    ASSERT_FALSE(p.server.request_key_update());
    EXPECT_EQ(p.server_to_client("x"), "x");
    p.server.fail(failure_of(errc::internal, phase::write));
    expect_alert(server_of(p), client_of(p), internal_error);
  }
  auto p = meet();
  ASSERT_TRUE(p.handshake());
  p.server.shutdown_write(p.server_io);
  const auto size = p.to_client.bytes.size();
  p.server.fail(failure_of(errc::timed_out, phase::shutdown));
  say_farewell(server_of(p));
  EXPECT_EQ(p.to_client.bytes.size(), size) << "RFC 8446 §6.1: nothing after close_notify";
}

TEST_P(alerts, name_what_is_wrong_with_a_server) {
  static const auto other = testkit::authority::make_root("Other Root").value();
  expect_server_hears(meet({.trust = trust::from_pem(other.certificate()).value()}), unknown_ca);
  expect_server_hears(meet({.accept = [](const auto&) { return false; }}), access_denied);
  const auto serve = [this](const testkit::leaf_options& options) {
    const auto made = root().issue(options).value();
    return meet({}, {.identities = {identity::from_pem(made.chain, made.key).value()}});
  };
  expect_server_hears(serve({.common_name = "x", .names = {"other.example"}}), bad_certificate);
  expect_server_hears(serve({.common_name = "x", .names = {"localhost"}, .extended_key_usage = "clientAuth"}),
                      unsupported_certificate);
  const auto late = std::make_shared<manual_clock>();
  late->advance(std::chrono::hours(24 * 365 * 30));
  expect_server_hears(meet({.clock = late}), certificate_expired);
}

TEST_P(alerts, name_what_is_wrong_with_a_staple) {
  const auto stapled = [this](testkit::ocsp_options options) {
    const auto id = site_identity(GetParam().key_type);
    const auto response = testkit::ocsp_response(root(), site(GetParam().key_type).certificate, options);
    return meet({}, {.identities = {id.with_ocsp_response(response).value()}});
  };
  expect_server_hears(stapled({.says = testkit::ocsp_options::status::revoked}), certificate_revoked);
  expect_server_hears(stapled({.says = testkit::ocsp_options::status::unknown}), bad_status_response);
}

TEST_P(alerts, name_what_is_wrong_with_a_client) {
  expect_client_hears(meet_client(client_auth::required, std::nullopt),
                      is_tls13() ? certificate_required : handshake_failure);
  expect_client_hears(meet_client(client_auth::required, stranger()), unknown_ca);
  expect_client_hears(meet_client(client_auth::optional, stranger()), unknown_ca);
  const auto made = root().issue({.common_name = "x", .extended_key_usage = "serverAuth"}).value();
  expect_client_hears(meet_client(client_auth::required, identity::from_pem(made.chain, made.key).value()),
                      unsupported_certificate);
}

TEST_P(alerts, say_that_nothing_is_shared) {
  const auto other = is_tls13() ? tls_version::tls1_2 : tls_version::tls1_3;
  expect_client_hears(meet({.versions = {other, other}}), protocol_version);
}

// A token that fails: TLS 1.3 servers have sealed EncryptedExtensions and more by then, clients their Certificate.
TEST_P(alerts, say_that_our_key_has_failed) {
  const auto broken = [](const signer&, const sign_request&, signature_promise promise) {
    promise.fail(failure_of(errc::token_down, phase::signing));
  };
  for (const auto auth : {client_auth::none, client_auth::required}) {
    const auto made = signer_site(GetParam().key_type, broken);
    expect_client_hears(
        meet({.identity = stranger()}, {.identities = {identity::from_chain(made.chain, made.key).value()},
                                        .client_auth = auth,
                                        .trust = trust_root()}),
        internal_error);
  }
  const auto made = signer_site(GetParam().key_type, broken);
  expect_server_hears(meet_client(client_auth::required, identity::from_chain(made.chain, made.key).value()),
                      internal_error);
}

TEST_P(alerts, are_not_sent_to_a_peer_that_has_gone_or_has_sent_one) {
  auto p = meet();
  p.client.handshake(p.client_io);
  p.server.handshake(p.server_io);
  p.to_client.bytes.clear();
  put(p.to_client, alert_bytes(handshake_failure));
  p.client.handshake(p.client_io);
  ASSERT_TRUE(p.client.last_failure().code == errc::alert);
  p.to_server.bytes.clear();
  say_farewell(client_of(p));
  EXPECT_TRUE(p.to_server.bytes.empty());

  auto q = meet();
  ASSERT_TRUE(q.handshake());
  q.to_client.is_cut = true;
  EXPECT_TRUE(heard_by(client_of(q)).error == errc::truncated);
  q.to_server.bytes.clear();
  say_farewell(client_of(q));
  EXPECT_TRUE(q.to_server.bytes.empty());
}

TEST_P(alerts, name_a_cancellation_and_a_deadline) {
  const auto cases = {std::pair{errc::cancelled, user_canceled}, std::pair{errc::timed_out, internal_error}};
  for (const auto& [cause, told] : cases) {
    auto p = meet();
    p.client.handshake(p.client_io);
    p.client.fail(failure_of(cause));
    say_farewell(client_of(p));
    const auto records = records_of(p.to_server);
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[1].type, alert_record);
    EXPECT_EQ(records[1].body, std::string({'\2', static_cast<char>(told)}));
  }
}

// Ends one side at each step of a handshake. Where no alert can be sealed with certainty there is none; the other side
// never meets a record that does not open.
TEST_P(alerts, at_any_step_are_read_or_the_connection_is_cut) {
  std::size_t told = 0;
  std::size_t cut = 0;
  for (const bool is_server : {true, false}) {
    for (int turns = 0;; ++turns) {
      auto p = meet_client(client_auth::required, identity::from_pem(device().chain, device().key).value());
      // A few bytes a turn.
      const auto pausing = [](std::size_t call) { return call % 2 == 1 ? would_block() : error_code(); };
      p.client_io.chunk = p.server_io.chunk = 97;
      p.client_io.interfere = p.server_io.interfere = pausing;
      const auto failed = is_server ? server_of(p) : client_of(p);
      const auto peer = is_server ? client_of(p) : server_of(p);
      for (int turn = 0; turn < turns; ++turn) {
        p.client.handshake(p.client_io);
        p.server.handshake(p.server_io);
      }
      if (p.client.is_established() && p.server.is_established()) break;
      failed.tls.fail(failure_of(errc::timed_out));
      for (int step = 0; step < 1000 && failed.tls.close_failed(failed.io).next == want::write; ++step) continue;
      failed.out.is_cut = true;
      p.client_io.chunk = p.server_io.chunk = all;
      p.client_io.interfere = p.server_io.interfere = nullptr;
      const auto st = heard_by(peer);
      EXPECT_FALSE(st.ended);
      const auto& heard = peer.tls.last_failure();
      const bool is_told = heard.code == error_code(internal_error, alert_category());
      EXPECT_TRUE(is_told || heard.code == errc::connection_closed || heard.code == errc::truncated)
          << "server " << is_server << " after " << turns << " turns: " << heard.message();
      EXPECT_EQ(is_told, failed.tls.statistics().alert_sent.has_value());
      ++(is_told ? told : cut);
    }
  }
  EXPECT_GT(told, 20u) << cut << " were cut";
}

INSTANTIATE_TEST_SUITE_P(connection, alerts, ::testing::ValuesIn(flavours), flavour_name);

// Under which key the server reads depends on whether it has taken the early data, which the client does not know.
TEST(alerts_of_early_data, are_left_out_while_the_server_may_have_taken_it) {
  const auto sessions = make_session_store();
  const auto time = std::make_shared<manual_clock>();
  const auto client = client_context({.sessions = sessions, .blinding = blinding::off(), .clock = time});
  const auto server =
      server_context({.tickets = ticket_options{}, .max_early_data = 1000, .blinding = blinding::off(), .clock = time});
  {
    pair p(client, server);
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(p.server_to_client("x"), "x");
  }
  const std::string data = "early";
  pair p(client, server, {.server_name = "localhost", .alpn = {}, .early_data = std::as_bytes(std::span(data))});
  p.client.handshake(p.client_io);
  ASSERT_EQ(records_of(p.to_server).back().type, data_record);
  const auto size = p.to_server.bytes.size();
  p.client.fail(failure_of(errc::timed_out));
  say_farewell(client_of(p));
  EXPECT_EQ(p.to_server.bytes.size(), size);
  EXPECT_FALSE(p.client.statistics().alert_sent);
}

TEST(alerts_of_tls12, that_only_warn_end_nothing) {
  constexpr std::uint8_t unrecognized_name = 112, warning = 1;
  auto p = make_pair(tls12);
  p.client.handshake(p.client_io);
  put(p.to_client, alert_bytes(unrecognized_name, warning));
  EXPECT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.server_to_client("x"), "x");
}

TEST(alerts_of_tls12, that_are_fatal_end_it) {
  auto p = make_pair(tls12);
  p.client.handshake(p.client_io);
  put(p.to_client, alert_bytes(112, 2));
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, error_code(112, alert_category()));
}

// Damage to a client's last flight: all of it that is sealed is told in one way.
TEST(alerts_of_a_bad_finished, tell_no_two_causes_apart) {
  for (std::size_t at = 0; at < 45; ++at) {
    auto p = make_pair(tls12, {}, {.blinding = blinding::off()});
    p.client.handshake(p.client_io);
    p.server.handshake(p.server_io);
    p.client.handshake(p.client_io);
    auto& bytes = p.to_server.bytes;
    const auto finished = bytes.size() - 40;  // explicit nonce, twelve bytes and their header, tag
    if (finished + at >= bytes.size()) break;
    bytes[finished + at] ^= std::byte{0x40};
    EXPECT_TRUE(p.server.handshake(p.server_io).error == errc::protocol_error);
    expect_alert(server_of(p), client_of(p), bad_record_mac);
  }
  EXPECT_NE(decode_error, bad_record_mac);
}

}  // namespace
}  // namespace sluice::test
