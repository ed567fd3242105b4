// SPDX-License-Identifier: Apache-2.0
// New keys on request, in the middle of a TLS 1.3 connection.
#include "support/certs.hpp"
#include "support/pair.hpp"
#include "support/records.hpp"

#include <boost/system/errc.hpp>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

std::size_t sent_records(const connection& c) { return c.statistics().sent.records; }

TEST(key_update, leaves_ahead_of_the_next_write_and_both_ends_go_on) {
  pair p(client_context(), server_context());
  ASSERT_TRUE(p.handshake());
  EXPECT_EQ(p.client_to_server("before"), "before");
  const auto before = sent_records(p.client);
  EXPECT_FALSE(p.client.request_key_update());
  EXPECT_FALSE(p.client.request_key_update());  // the same wish
  EXPECT_EQ(sent_records(p.client), before);
  EXPECT_EQ(p.client_to_server("after"), "after");
  EXPECT_EQ(sent_records(p.client), before + 2);  // KeyUpdate, data
  EXPECT_EQ(p.client_to_server("and after"), "and after");
  EXPECT_EQ(sent_records(p.client), before + 3);
  EXPECT_EQ(p.server_to_client("back"), "back");
}

TEST(key_update, is_refused_where_there_is_none) {
  pair early(client_context(), server_context());
  EXPECT_EQ(early.client.request_key_update(), errc::not_ready);

  pair old(client_context({.versions = {.max = tls_version::tls1_2}}), server_context());
  ASSERT_TRUE(old.handshake());
  EXPECT_EQ(old.client.request_key_update(), errc::version_unsupported);
  EXPECT_EQ(old.server.request_key_update(), errc::version_unsupported);
  EXPECT_EQ(old.client_to_server("goes on"), "goes on");

  pair ended(client_context(), server_context());
  ASSERT_TRUE(ended.handshake());
  ended.client.shutdown_write(ended.client_io);
  EXPECT_EQ(ended.client.request_key_update(), boost::system::errc::broken_pipe);
}

}  // namespace
}  // namespace sluice::test
