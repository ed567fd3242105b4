// SPDX-License-Identifier: Apache-2.0
// Resumption: which tickets of TLS 1.3 are kept, and which sessions come back from a handshake that failed.
#include "support/sessions.hpp"

#include <gtest/gtest.h>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>

namespace sluice::test {
namespace {

// Nothing is kept of a connection that a later record of the same call ends.
TEST(tickets_of_tls_1_3, that_come_with_damaged_records_are_not_kept) {
  const auto store = std::make_shared<noting_store>();
  pair p(client_context({.sessions = store}), server_context({.versions = only(tls_version::tls1_3)}));
  ASSERT_TRUE(p.handshake());
  const std::array rubbish = {std::byte{23}, std::byte{3}, std::byte{3}, std::byte{0}, std::byte{20}};
  p.to_client.bytes.insert(p.to_client.bytes.end(), rubbish.begin(), rubbish.end());
  p.to_client.bytes.insert(p.to_client.bytes.end(), 20, std::byte{7});
  step last;
  read_all(p.client, p.client_io, &last);
  EXPECT_TRUE(last.error);
  EXPECT_TRUE(store->puts.empty());
}

// As from a server that ends TCP without close_notify: how much arrives at once is chance.
TEST(tickets_of_tls_1_3, that_come_with_the_end_of_tcp_are_kept) {
  const error_code reset = boost::system::errc::make_error_code(boost::system::errc::connection_reset);
  for (const auto& how : {std::pair{error_code(), make_error_code(errc::truncated)}, std::pair{reset, reset}}) {
    const auto store = std::make_shared<noting_store>();
    pair p(client_context({.sessions = store}), server_context({.versions = only(tls_version::tls1_3)}));
    ASSERT_TRUE(p.handshake());
    p.to_client.is_cut = true;
    p.client_io.interfere = [&](std::size_t) { return p.to_client.bytes.empty() ? how.first : error_code(); };
    step last;
    read_all(p.client, p.client_io, &last);
    EXPECT_EQ(last.error, how.second);
    EXPECT_EQ(store->puts.size(), 1u);
  }
}

TEST(tickets_of_tls_1_3, that_come_with_an_alert_are_not_kept) {
  const auto store = std::make_shared<noting_store>();
  pair p(client_context({.sessions = store}), server_context({.versions = only(tls_version::tls1_3)}));
  ASSERT_TRUE(p.handshake());
  p.server.fail({.code = make_error_code(errc::internal)});
  p.server.close_failed(p.server_io);
  step last;
  read_all(p.client, p.client_io, &last);
  EXPECT_EQ(last.error, errc::alert);
  EXPECT_TRUE(store->puts.empty());
}

TEST(tickets_of_tls_1_3, are_for_one_use) {
  const auto store = std::make_shared<noting_store>();
  const auto client = client_context({.sessions = store});
  const auto server = server_context({.versions = only(tls_version::tls1_3)});
  EXPECT_FALSE(resumes(client, server));
  const auto before = store->puts.size();
  pair p(client, server);
  ASSERT_TRUE(p.handshake());
  EXPECT_TRUE(p.client.info().resumed);
  EXPECT_EQ(store->puts.size(), before) << "the new one has not been read, and the old one is used up";
  p.server_to_client("hello");
  ASSERT_EQ(store->puts.size(), before + 1);
  EXPECT_TRUE(std::ranges::find(store->taken, store->puts.back().bytes) == store->taken.end());
}

TEST(the_store, gets_a_session_of_tls_1_2_back_when_the_server_never_answered) {
  const auto store = std::make_shared<noting_store>();
  const auto client = client_context({.sessions = store});
  const auto server = server_context({.versions = only(tls_version::tls1_2)});
  EXPECT_FALSE(resumes(client, server));
  pair p(client, server);
  EXPECT_EQ(pair::drive(p.client, p.client_io).next, want::read);
  p.to_client.is_cut = true;
  EXPECT_EQ(pair::drive(p.client, p.client_io).error, errc::connection_closed);
  EXPECT_TRUE(resumes(client, server));
}

TEST(the_store, does_not_get_back_a_ticket_of_tls_1_3_that_has_left) {
  const auto store = std::make_shared<noting_store>();
  const auto client = client_context({.sessions = store});
  const auto server = server_context({.versions = only(tls_version::tls1_3)});
  EXPECT_FALSE(resumes(client, server));
  pair p(client, server);
  EXPECT_EQ(pair::drive(p.client, p.client_io).next, want::read);
  ASSERT_EQ(store->taken.size(), 1u);
  const auto before = store->puts.size();
  p.to_client.is_cut = true;
  EXPECT_EQ(pair::drive(p.client, p.client_io).error, errc::connection_closed);
  EXPECT_EQ(store->puts.size(), before) << "whoever saw it on the way could tell that it is the same client";
  EXPECT_FALSE(resumes(client, server));
}

// The server may have renewed it, or dropped it.
TEST(the_store, does_not_get_a_session_back_once_the_server_was_heard) {
  const auto store = std::make_shared<noting_store>();
  const auto client = client_context({.sessions = store});
  const auto server = server_context({.versions = only(tls_version::tls1_2)});
  EXPECT_FALSE(resumes(client, server));
  const auto before = store->puts.size();
  pair p(client, server);
  EXPECT_EQ(pair::drive(p.client, p.client_io).next, want::read);
  EXPECT_EQ(pair::drive(p.server, p.server_io).next, want::read);
  p.to_client.bytes.resize(p.to_client.bytes.size() - 1);
  p.to_client.is_cut = true;
  EXPECT_TRUE(pair::drive(p.client, p.client_io).error);
  EXPECT_EQ(store->puts.size(), before);
}

}  // namespace
}  // namespace sluice::test
