// SPDX-License-Identifier: Apache-2.0
// What an observer is told, when, how often, and what the ready-made counters make of it.
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/signer.hpp"
#include "support/watch.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <utility>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

struct observed : ::testing::TestWithParam<flavour> {
  std::shared_ptr<recorder> at_client = std::make_shared<recorder>();
  std::shared_ptr<recorder> at_server = std::make_shared<recorder>();
};

TEST_P(observed, handshake_is_reported_once_with_what_was_agreed) {
  auto p = make_pair(GetParam(), {.observer = at_client}, {.observer = at_server});
  ASSERT_TRUE(p.handshake());
  p.client.handshake(p.client_io);
  EXPECT_EQ(p.client_to_server("hello"), "hello");
  for (const auto& [watch, is_server] : {std::pair(at_client, false), std::pair(at_server, true)}) {
    ASSERT_EQ(watch->handshakes().size(), 1u);
    const auto told = watch->handshakes()[0];
    EXPECT_EQ(told.is_server, is_server);
    EXPECT_FALSE(told.error);
    EXPECT_EQ(told.info->version, GetParam().version_text());
    EXPECT_GT(told.duration, 0ns);
    EXPECT_EQ(told.signing, 0ns);
    EXPECT_TRUE(watch->failures().empty());
    EXPECT_TRUE(watch->signatures().empty());
    EXPECT_TRUE(watch->warnings().empty());
  }
}

TEST_P(observed, handshake_that_fails_is_reported_once_with_the_reason) {
  static const auto other = testkit::authority::make_root("Other Root").value();
  auto p = make_pair(GetParam(), {.trust = trust::from_pem(other.certificate()).value(), .observer = at_client});
  EXPECT_FALSE(p.handshake());
  p.client.handshake(p.client_io);
  p.client.fail(p.client.last_failure());
  ASSERT_EQ(at_client->handshakes().size(), 1u);
  const auto told = at_client->handshakes()[0];
  EXPECT_FALSE(told.info);
  EXPECT_TRUE(told.error->code == errc::untrusted);
  EXPECT_EQ(told.error->message(), p.client.last_failure().message());
  EXPECT_GT(told.duration, 0ns);
  EXPECT_TRUE(at_client->failures().empty());
}

TEST_P(observed, signature_is_reported_with_its_key_and_its_time) {
  const auto generated = signer_site(GetParam().key_type);
  auto p =
      make_pair(GetParam(), {},
                {.identities = {identity::from_chain(generated.chain, generated.key).value()}, .observer = at_server});
  ASSERT_TRUE(p.handshake());
  ASSERT_EQ(at_server->signatures().size(), 1u);
  EXPECT_EQ(at_server->signatures()[0].key, "test:signer");
  EXPECT_FALSE(at_server->signatures()[0].error);
  EXPECT_GT(at_server->signatures()[0].waited, 0ns);
  EXPECT_GE(at_server->handshakes()[0].duration, at_server->handshakes()[0].signing);
  EXPECT_GT(at_server->handshakes()[0].signing, 0ns);
}

TEST_P(observed, failure_of_an_established_connection_is_reported_once) {
  auto p = make_pair(GetParam(), {.observer = at_client});
  ASSERT_TRUE(p.handshake());
  p.to_client.is_cut = true;
  std::vector<std::byte> room(10);
  for (int turn = 0; turn < 3; ++turn) p.client.read(p.client_io, room);
  ASSERT_EQ(at_client->failures().size(), 1u);
  EXPECT_EQ(at_client->failures()[0].code, make_error_code(errc::truncated));
  EXPECT_EQ(at_client->handshakes().size(), 1u);
}

TEST_P(observed, failure_to_write_and_then_to_read_is_one_failure) {
  auto p = make_pair(GetParam(), {.observer = at_client});
  ASSERT_TRUE(p.handshake());
  p.client_io.interfere = [](std::size_t) {
    return boost::system::errc::make_error_code(boost::system::errc::broken_pipe);
  };
  EXPECT_TRUE(write_text(p.client, p.client_io, "x").error);
  EXPECT_TRUE(write_text(p.client, p.client_io, "x").error);
  EXPECT_EQ(p.client.last_failure().at, phase::write);
  std::vector<std::byte> room(10);
  EXPECT_TRUE(p.client.read(p.client_io, room).error);
  EXPECT_EQ(at_client->failures().size(), 1u);
}

// The next call on the client's transport meets a broken pipe.
void break_pipe_once(pair& p) {
  p.client_io.interfere = [is_broken = false](std::size_t) mutable {
    return std::exchange(is_broken, true) ? error_code()
                                          : boost::system::errc::make_error_code(boost::system::errc::broken_pipe);
  };
}

TEST_P(observed, broken_pipe_is_not_reported_before_the_alert_that_explains_it) {
  auto p = make_pair(GetParam(), {.observer = at_client}, {.blinding = blinding::off()});
  ASSERT_TRUE(p.handshake());
  break_pipe_once(p);
  EXPECT_EQ(write_text(p.client, p.client_io, "x").error, boost::system::errc::broken_pipe);
  EXPECT_TRUE(at_client->failures().empty()) << "it may still be on its way";
  std::vector<std::byte> room(10);
  put(p.to_server, "\x17\x03\x03" + std::string("\0\x20", 2) + std::string(32, '?'));
  ASSERT_TRUE(p.server.read(p.server_io, room).error);
  p.server.close_failed(p.server_io);
  const error_code bad_record_mac(20, alert_category());
  EXPECT_EQ(p.client.read(p.client_io, room).error, bad_record_mac);
  ASSERT_EQ(at_client->failures().size(), 1u);
  EXPECT_EQ(at_client->failures()[0].code, bad_record_mac);
}

TEST_P(observed, broken_pipe_that_nothing_explains_is_reported_at_the_end) {
  {
    auto p = make_pair(GetParam(), {.observer = at_client});
    ASSERT_TRUE(p.handshake());
    break_pipe_once(p);
    EXPECT_TRUE(write_text(p.client, p.client_io, "x").error);
  }
  ASSERT_EQ(at_client->failures().size(), 1u);
  EXPECT_EQ(at_client->failures()[0].code, boost::system::errc::broken_pipe);
}

TEST_P(observed, clean_end_is_no_failure) {
  auto p = make_pair(GetParam(), {.observer = at_client}, {.observer = at_server});
  ASSERT_TRUE(p.handshake());
  p.client.shutdown(p.client_io);
  p.server.shutdown(p.server_io);
  EXPECT_FALSE(p.client.shutdown(p.client_io).error);
  EXPECT_TRUE(at_client->failures().empty());
  EXPECT_TRUE(at_server->failures().empty());
}

INSTANTIATE_TEST_SUITE_P(every, observed, ::testing::ValuesIn(flavours), flavour_name);

TEST(counters, add_up_what_happens) {
  const auto counts = std::make_shared<counters>();
  const auto generated = signer_site();
  const auto server = server_context(
      {.identities = {identity::from_chain(generated.chain, generated.key).value()}, .observer = counts});
  for (int i = 0; i < 3; ++i) {
    pair p(client_context(), server);
    ASSERT_TRUE(p.handshake());
    if (i > 0) continue;
    p.to_server.is_cut = true;
    std::vector<std::byte> room(10);
    p.server.read(p.server_io, room);
  }
  pair failing(client_context(), server);
  failing.to_server.is_cut = true;
  failing.server.handshake(failing.server_io);
  const auto now = counts->snapshot();
  EXPECT_EQ(now.handshakes, 3u);
  EXPECT_EQ(now.handshakes_failed, 1u);
  EXPECT_EQ(now.resumed, 0u);
  EXPECT_EQ(now.signatures, 3u);
  EXPECT_EQ(now.signatures_failed, 0u);
  EXPECT_GT(now.signing_ns, 0u);
  EXPECT_EQ(now.connections_failed, 1u);
  EXPECT_EQ(now.warnings, 0u);
}

TEST(counters, count_failed_signatures_and_warnings) {
  const auto counts = std::make_shared<counters>();
  const auto generated = signer_site("ec256", [](const signer&, const sign_request&, signature_promise promise) {
    promise.fail({});
    promise.fail({});
  });
  pair p(client_context(), server_context({.identities = {identity::from_chain(generated.chain, generated.key).value()},
                                           .observer = counts}));
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(counts->snapshot().signatures, 0u);
  EXPECT_EQ(counts->snapshot().signatures_failed, 1u);
  EXPECT_EQ(counts->snapshot().warnings, 1u);
  EXPECT_EQ(counts->snapshot().handshakes_failed, 1u);
}

TEST(counters, are_shared_by_threads_and_contexts) {
  const auto counts = std::make_shared<counters>();
  const auto client = client_context({.observer = counts});
  const auto server = server_context({.observer = counts});
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        pair p(client, server);
        p.handshake();
        counts->snapshot();
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(counts->snapshot().handshakes, 40u);
}

}  // namespace
}  // namespace sluice::test
