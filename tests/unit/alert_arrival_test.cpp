// SPDX-License-Identifier: Apache-2.0
// A peer's alert that has arrived is read before its hang-up, a reset or a broken pipe is reported.
#include "support/alert_numbers.hpp"
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/signer.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

namespace sluice::test {
namespace {

const auto broken_pipe = boost::system::errc::make_error_code(boost::system::errc::broken_pipe);

error_code alert_code(int description) { return {description, alert_category()}; }

// The end of a connection whose peer has closed its socket: what it sent can be read, nothing can be written.
class left_behind final : public transport {
 public:
  explicit left_behind(pipe_end& below) : below_(below) {}
  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override { return below_.read(into, ec); }
  std::size_t write(std::span<const std::byte>, error_code& ec) noexcept override {
    ec = broken_pipe;
    return 0;
  }

 private:
  pipe_end& below_;
};

struct arrival : ::testing::TestWithParam<flavour> {
  bool is_tls13() const { return GetParam().version == tls_version::tls1_3; }
};

step reach_signature(pair& p) {
  step st;
  for (int turn = 0; turn < 20 && st.next != want::application; ++turn) {
    st = p.client.handshake(p.client_io);
    if (st.next != want::application) p.server.handshake(p.server_io);
  }
  return st;
}

// Its certificate was enough for the server to refuse it; what it is to be signed with is still being looked for.
TEST_P(arrival, of_a_refusal_while_our_key_is_awaited_is_noticed) {
  held_request held;
  const auto made = signer_site(GetParam().key_type, held.behaviour());
  static const auto other = testkit::authority::make_root("Other Root").value();
  auto p = make_pair(GetParam(), {.identity = identity::from_chain(made.chain, made.key).value()},
                     {.client_auth = client_auth::required,
                      .trust = trust::from_pem(other.certificate()).value(),
                      .blinding = blinding::off()});
  ASSERT_EQ(reach_signature(p).next, want::application) << why(p);
  p.client.start_application_work(std::chrono::steady_clock::now() + std::chrono::seconds(30), nullptr);
  ASSERT_TRUE(held.has_arrived());
  EXPECT_EQ(p.client.handshake(p.client_io).next, want::application);
  p.server.handshake(p.server_io);
  ASSERT_TRUE(p.server.last_failure().code == errc::untrusted) << why(p);
  p.server.close_failed(p.server_io);
  p.to_client.is_cut = true;
  EXPECT_EQ(p.client.handshake(p.client_io).error, alert_code(unknown_ca));
  EXPECT_EQ(p.client.last_failure().from, origin::peer);
  EXPECT_EQ(p.client.statistics().alert_received, unknown_ca);
}

TEST_P(arrival, of_a_clients_refusal_while_our_key_is_awaited_is_noticed) {
  held_request held;
  const auto made = signer_site(GetParam().key_type, held.behaviour());
  auto p = make_pair(GetParam(), {.blinding = blinding::off()},
                     {.identities = {identity::from_chain(made.chain, made.key).value()}});
  p.client.handshake(p.client_io);
  ASSERT_EQ(p.server.handshake(p.server_io).next, want::application);
  p.client.handshake(p.client_io);
  failure error;
  error.code = make_error_code(errc::certificate_rejected);
  error.at = phase::handshake;
  p.client.fail(error);
  p.client.close_failed(p.client_io);
  p.to_server.is_cut = true;
  EXPECT_EQ(p.server.handshake(p.server_io).error, alert_code(access_denied));
}

// What came meanwhile and is no alert is not lost: a warning, which ends nothing, or a ChangeCipherSpec of TLS 1.3.
TEST_P(arrival, of_anything_else_while_our_key_is_awaited_is_kept) {
  held_request held;
  const auto made = signer_site(GetParam().key_type, held.behaviour());
  auto p = make_pair(GetParam(), {}, {.identities = {identity::from_chain(made.chain, made.key).value()}});
  p.client.handshake(p.client_io);
  ASSERT_EQ(p.server.handshake(p.server_io).next, want::application);
  p.server.start_application_work(std::chrono::steady_clock::now() + std::chrono::seconds(30), nullptr);
  put(p.to_server, is_tls13() ? std::string("\x14\x03\x03\x00\x01\x01", 6) : alert_bytes(112, 1));
  EXPECT_EQ(p.server.handshake(p.server_io).next, want::application);
  EXPECT_TRUE(p.to_server.bytes.empty()) << "it was looked at";
  held.take().set(made.key->sign(held.request()));
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.server_to_client("x"), "x");
  EXPECT_GT(p.server.statistics().received.records, p.client.statistics().sent.records) << "s2n has had it";
}

// The client refuses the server after the handshake, and its end of TCP is gone.
void refuse_and_leave(pair& p) {
  failure error;
  error.code = make_error_code(errc::certificate_rejected);
  p.client.fail(error);
  p.client.close_failed(p.client_io);
  p.to_server.is_cut = true;
}

// A server writes while the client has refused it; one write too late, it finds a broken pipe.
TEST_P(arrival, of_an_alert_is_what_a_writer_learns) {
  auto p = make_pair(GetParam());
  ASSERT_TRUE(p.handshake()) << why(p);
  write_text(p.client, p.client_io, "last words");
  refuse_and_leave(p);
  left_behind io(p.server_io);
  EXPECT_EQ(write_text(p.server, io, "answer").error, alert_code(access_denied));
  EXPECT_EQ(p.server.last_failure().code, alert_code(access_denied));
  std::vector<std::byte> room(6);
  EXPECT_EQ(p.server.read(p.server_io, room).bytes, 6u) << "what came before it is delivered";
  EXPECT_EQ(p.server.read(p.server_io, room).bytes, 4u);
  EXPECT_EQ(p.server.read(p.server_io, room).error, alert_code(access_denied));
}

// As much of it as one call may take comes first; the next call goes on.
TEST_P(arrival, of_an_alert_behind_many_records_is_what_a_writer_learns) {
  auto p = make_pair(GetParam());
  ASSERT_TRUE(p.handshake()) << why(p);
  constexpr std::size_t many = 200;
  for (std::size_t i = 0; i < many; ++i) write_text(p.client, p.client_io, "x");
  refuse_and_leave(p);
  left_behind io(p.server_io);
  auto st = write_text(p.server, io, "answer");
  int turns = 0;
  for (; st.next == want::again; ++turns) st = p.server.flush(io);
  EXPECT_EQ(st.error, alert_code(access_denied));
  EXPECT_GE(turns, 2) << "64 records a call";
  EXPECT_EQ(read_all(p.server, p.server_io), std::string(many, 'x'));
}

TEST_P(arrival, of_data_without_an_alert_leaves_the_writer_its_error_and_the_reader_the_data) {
  auto p = make_pair(GetParam());
  ASSERT_TRUE(p.handshake()) << why(p);
  write_text(p.client, p.client_io, "last words");
  p.client.shutdown_write(p.client_io);
  p.to_server.is_cut = true;
  left_behind io(p.server_io);
  EXPECT_EQ(write_text(p.server, io, "answer").error, broken_pipe);
  EXPECT_TRUE(p.server.has_buffered_input());
  step last;
  EXPECT_EQ(read_all(p.server, p.server_io, &last), "last words");
  EXPECT_TRUE(last.ended);
}

INSTANTIATE_TEST_SUITE_P(an_alerts, arrival, ::testing::ValuesIn(flavours), flavour_name);

}  // namespace
}  // namespace sluice::test
