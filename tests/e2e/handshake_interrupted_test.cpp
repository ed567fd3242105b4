// SPDX-License-Identifier: Apache-2.0
// Wherever a handshake can wait, it can be cancelled, times out, notices that the peer is gone, and can be destroyed.
#include "e2e/sides.hpp"
#include "e2e/stalling_layer.hpp"
#include "support/certs.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <optional>

namespace sluice::test {
namespace {

TEST(handshake_without_time, is_over_at_once_and_says_so) {
  using std::chrono::nanoseconds;
  for (const auto limit : {nanoseconds(0), nanoseconds(-5s), nanoseconds::min()}) {
    asio::io_context io;
    joined_streams ends(io.get_executor(), client_context(), server_context());
    ends.client.set_timeouts(limit, 1s);
    outcome done;
    ends.client.async_handshake(done.handler());
    EXPECT_EQ(done.wait(io), errc::timed_out);
    EXPECT_EQ(ends.client.last_failure().detail, "not done within 0 ms");
  }
}

enum class trouble { cancelled, late, hung_up, reset, destroyed };

// One handshake whose `allowed`-th wait never ends by itself.
struct attempt {
  asio::io_context io;
  std::shared_ptr<stall> plan = std::make_shared<stall>(io.get_executor());
  std::optional<stream<stalling_layer>> subject;
  std::optional<tcp_stream> peer;
  asio::cancellation_signal stop;
  outcome done, peer_done;
  std::chrono::milliseconds timeout = 40ms;  // for trouble::late
  bool was_slow = false;  // it timed out before its wait: the machine is busy, and nothing was tested

  attempt(role side, const flavour& f, int allowed) {
    plan->allowed = allowed;
    const auto device_identity = identity::from_pem(device().chain, device().key).value();
    const auto client_ctx = client_context({.identity = device_identity, .blinding = blinding::off()});
    const auto server_ctx = server_context({.identities = {site_identity(f.key_type)},
                                            .client_auth = client_auth::required,
                                            .trust = trust_root(),
                                            .versions = f.versions(),
                                            .blinding = blinding::off()});
    auto raw = join_sockets(io.get_executor());
    if (side == role::client) {
      subject.emplace(stalling_layer(std::move(raw.client), plan), client_ctx, "localhost");
      peer.emplace(std::move(raw.server), server_ctx, role::server);
    } else {
      subject.emplace(stalling_layer(std::move(raw.server), plan), server_ctx, role::server);
      peer.emplace(std::move(raw.client), client_ctx, "localhost");
    }
  }

  // False when the handshake was done before it could stall.
  bool runs_into(trouble what) {
    if (what == trouble::late) subject->set_timeouts(timeout, 1s);
    peer->async_handshake(peer_done.handler());
    subject->async_handshake(asio::bind_cancellation_slot(stop.slot(), done.handler()));
    EXPECT_TRUE(run_until(io, [this] { return plan->has_stalled || done.is_done; }));
    if (done.is_done && !plan->has_stalled) {
      was_slow = what == trouble::late && done.ec == errc::timed_out;
      if (was_slow) return false;
      EXPECT_FALSE(done.ec) << done.ec.message();
      return false;
    }
    happens(what);
    return true;
  }

  void happens(trouble what) {
    switch (what) {
      case trouble::cancelled:
        stop.emit(asio::cancellation_type::total | asio::cancellation_type::partial);
        run_ready(io);
        EXPECT_FALSE(done.is_done) << "a handshake cannot be resumed, so only terminal cancellation ends it";
        stop.emit(asio::cancellation_type::terminal);
        return expect(asio::error::operation_aborted);
      case trouble::late:
        expect(make_error_code(errc::timed_out));
        EXPECT_EQ(subject->last_failure().at, phase::handshake);
        EXPECT_EQ(subject->last_failure().detail, "not done within " + std::to_string(timeout.count()) + " ms");
        return;
      case trouble::hung_up:
        plan->go_on_with(plan->is_writing ? error_code(asio::error::broken_pipe) : error_code(asio::error::eof));
        return expect(plan->is_writing ? error_code(asio::error::broken_pipe)
                                       : make_error_code(errc::connection_closed));
      case trouble::reset:
        plan->go_on_with(asio::error::connection_reset);
        return expect(asio::error::connection_reset);
      case trouble::destroyed:
        subject.reset();
        EXPECT_EQ(done.wait(io), asio::error::operation_aborted);
        return;
    }
  }

  void expect(const error_code& ec) {
    EXPECT_EQ(done.wait(io), ec) << done.ec.message();
    EXPECT_EQ(subject->last_failure().code, ec);
    EXPECT_FALSE(subject->is_established());
    outcome read, again;
    char byte;
    subject->async_read_some(asio::buffer(&byte, 1), read.handler());
    EXPECT_EQ(read.wait(io), ec) << "a failure is final";
    subject->async_handshake(again.handler());
    EXPECT_EQ(again.wait(io), ec);
  }
};

struct handshake_interrupted : ::testing::TestWithParam<side_and_flavour> {
  void at_every_wait(trouble what) {
    const auto& [side, f] = GetParam();
    int waits = 0;
    for (auto timeout = 40ms; waits < 100;) {
      SCOPED_TRACE("wait " + std::to_string(waits));
      attempt a(side, f, waits);
      a.timeout = timeout;
      const bool has_failed = a.runs_into(what);
      if (a.was_slow) {
        timeout *= 2;
        ASSERT_LT(timeout, 1min);
        continue;
      }
      if (!has_failed) break;
      ++waits;
    }
    EXPECT_LT(waits, 100);
    EXPECT_GE(waits, 3) << "writing, reading and writing again, at least";
  }
};

TEST_P(handshake_interrupted, can_be_cancelled_at_every_wait) { at_every_wait(trouble::cancelled); }
TEST_P(handshake_interrupted, times_out_at_every_wait) { at_every_wait(trouble::late); }
TEST_P(handshake_interrupted, hears_the_peer_hang_up_at_every_wait) { at_every_wait(trouble::hung_up); }
TEST_P(handshake_interrupted, hears_a_reset_at_every_wait) { at_every_wait(trouble::reset); }
TEST_P(handshake_interrupted, can_be_destroyed_at_every_wait) { at_every_wait(trouble::destroyed); }

INSTANTIATE_TEST_SUITE_P(of, handshake_interrupted, both_sides(), side_name);

}  // namespace
}  // namespace sluice::test
