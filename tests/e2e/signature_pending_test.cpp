// SPDX-License-Identifier: Apache-2.0
// While a private key is being waited for, a handshake still hears everything else, and then leaves the queue.
#include "e2e/sides.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/records.hpp"
#include "support/signer.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/write.hpp>

#include <optional>
#include <thread>

namespace sluice::test {
namespace {

// A handshake that has come as far as its own signature.
struct waiting {
  std::unique_ptr<asio::io_context> io = std::make_unique<asio::io_context>();
  held_request held;
  std::shared_ptr<signer> key;
  std::optional<tcp_stream> subject, peer;
  asio::cancellation_signal stop;
  outcome done, peer_done;
  signature_promise promise;

  waiting(role side, const flavour& f, std::chrono::nanoseconds limit = 30s) {
    auto mine = signer_site(f.key_type, held.behaviour());
    key = mine.key;
    const auto id = identity::from_chain(mine.chain, mine.key).value();
    client_options client{.blinding = blinding::off()};
    server_options server{.versions = f.versions(), .blinding = blinding::off()};
    if (side == role::client) {
      client.identity = id;
      server.client_auth = client_auth::required;
      server.trust = trust_root();
      server.accept = [](std::span<const certificate>) { return true; };
    } else {
      server.identities = {id};
    }
    joined_streams ends(io->get_executor(), client_context(client), server_context(server));
    subject.emplace(std::move(side == role::client ? ends.client : ends.server));
    peer.emplace(std::move(side == role::client ? ends.server : ends.client));
    subject->set_timeouts(limit, 1s);
    peer->async_handshake(peer_done.handler());
    subject->async_handshake(asio::bind_cancellation_slot(stop.slot(), done.handler()));
    EXPECT_TRUE(run_until(*io, [this] { return held.has_arrived(); }));
    promise = held.take();
    run_ready(*io);
    EXPECT_FALSE(done.is_done);
    EXPECT_TRUE(promise.is_wanted());
  }

  void ends_with(const error_code& ec) {
    EXPECT_EQ(done.wait(*io), ec) << done.ec.message();
    EXPECT_FALSE(promise.is_wanted()) << "the work still has its place in the queue";
    EXPECT_EQ(subject->last_failure().code, ec);
    promise.set(key->sign(held.request()));  // late: nobody is there
    run_ready(*io);
    EXPECT_FALSE(subject->is_established());
  }
};

struct signature_pending : ::testing::TestWithParam<side_and_flavour> {
  waiting begin(std::chrono::nanoseconds limit = 30s) {
    return {std::get<0>(GetParam()), std::get<1>(GetParam()), limit};
  }
};

TEST_P(signature_pending, goes_on_when_another_thread_answers) {
  auto w = begin();
  std::thread worker([&w] { w.promise.set(w.key->sign(w.held.request())); });
  EXPECT_FALSE(w.done.wait(*w.io)) << w.subject->last_failure().message();
  EXPECT_FALSE(w.peer_done.wait(*w.io)) << w.peer->last_failure().message();
  worker.join();
  EXPECT_EQ(pass(*w.io, *w.subject, *w.peer, "hello"), "hello");
  EXPECT_EQ(pass(*w.io, *w.peer, *w.subject, "hello yourself"), "hello yourself");
  EXPECT_GT(w.subject->timings().signing.count(), 0);
  EXPECT_GT(w.subject->timings().handshake, w.subject->timings().signing);
}

TEST_P(signature_pending, can_be_cancelled) {
  auto w = begin();
  w.stop.emit(asio::cancellation_type::terminal);
  w.ends_with(asio::error::operation_aborted);
}

TEST_P(signature_pending, times_out_and_says_that_it_was_the_key) {
  const auto began = clock_type::now();
  auto w = begin(300ms);
  EXPECT_LE(w.held.request().deadline, clock_type::now() + 300ms);
  EXPECT_GE(w.held.request().deadline, began + 300ms);
  w.ends_with(make_error_code(errc::key_timed_out));
  EXPECT_EQ(w.subject->last_failure().where, "test:signer");
  EXPECT_EQ(w.subject->last_failure().at, phase::signing);
}

TEST_P(signature_pending, hears_the_peer_hang_up_at_once) {
  auto w = begin();
  const auto began = clock_type::now();
  w.peer->lowest_layer().close();
  w.ends_with(make_error_code(errc::connection_closed));
  EXPECT_LT(clock_type::now() - began, 10s);
  EXPECT_EQ(w.subject->last_failure().at, phase::signing);
}

TEST_P(signature_pending, hears_why_the_peer_hangs_up) {
  auto w = begin();
  constexpr std::uint8_t access_denied = 49;
  const std::string alert = alert_bytes(access_denied);
  asio::write(w.peer->next_layer(), asio::buffer(alert));
  w.peer->lowest_layer().close();
  w.ends_with(error_code(access_denied, alert_category()));
  EXPECT_EQ(w.subject->last_failure().from, origin::peer);
}

// The signature is there before the loop has seen that the peer is gone: writing fails, and reading says why.
TEST_P(signature_pending, hears_why_the_peer_is_gone_though_the_key_has_answered) {
  auto w = begin();
  constexpr std::uint8_t access_denied = 49;
  const std::string alert = alert_bytes(access_denied);
  asio::write(w.peer->next_layer(), asio::buffer(alert));
  w.peer->lowest_layer().set_option(asio::socket_base::linger(true, 0));
  w.peer->lowest_layer().close();
  w.promise.set(w.key->sign(w.held.request()));
  EXPECT_EQ(w.done.wait(*w.io), error_code(access_denied, alert_category())) << w.done.ec.message();
  EXPECT_EQ(w.subject->last_failure().from, origin::peer);
}

TEST_P(signature_pending, hears_a_reset_at_once) {
  auto w = begin();
  w.peer->lowest_layer().set_option(asio::socket_base::linger(true, 0));
  w.peer->lowest_layer().close();
  w.ends_with(asio::error::connection_reset);
}

TEST_P(signature_pending, is_abandoned_with_its_stream) {
  auto w = begin();
  w.subject.reset();
  EXPECT_EQ(w.done.wait(*w.io), asio::error::operation_aborted);
  run_ready(*w.io);
  EXPECT_FALSE(w.promise.is_wanted());
  w.promise.set(w.key->sign(w.held.request()));
  run_ready(*w.io);
}

TEST_P(signature_pending, fails_when_the_key_does) {
  auto refused = begin();
  refused.promise.fail(failure{.code = make_error_code(errc::key_refused), .where = "", .detail = "not today"});
  EXPECT_EQ(refused.done.wait(*refused.io), errc::key_refused);
  EXPECT_EQ(refused.subject->last_failure().detail, "not today");
  auto dropped = begin();
  { const auto gone = std::move(dropped.promise); }
  EXPECT_EQ(dropped.done.wait(*dropped.io), errc::key_unavailable);
}

// Trap: a worker that answers when the loop is gone.
TEST_P(signature_pending, may_be_answered_when_the_loop_is_gone) {
  auto w = begin();
  w.subject.reset();
  w.peer.reset();
  w.io.reset();
  EXPECT_FALSE(w.promise.is_wanted());
  std::thread worker([&w] { w.promise.set(w.key->sign(w.held.request())); });
  worker.join();
}

TEST_P(signature_pending, may_be_answered_while_the_loop_goes) {
  for (int i = 0; i < 20; ++i) {
    auto w = begin();
    const auto signature = w.key->sign(w.held.request());
    std::atomic<bool> go = false;
    std::thread worker([&] {
      while (!go) std::this_thread::yield();
      w.promise.set(signature);
    });
    auto subject = std::move(w.subject);
    auto peer = std::move(w.peer);
    go = true;
    // The streams' handshakes are outstanding, and hold all that is needed; the streams go after the loop's turn.
    if (i % 2 == 0) run_ready(*w.io);
    subject.reset();
    peer.reset();
    w.io.reset();
    worker.join();
  }
}

INSTANTIATE_TEST_SUITE_P(of, signature_pending, both_sides(), side_name);

}  // namespace
}  // namespace sluice::test
