// SPDX-License-Identifier: Apache-2.0
// Short records for those who ask for them (RFC 6066 §4): asked for, granted or passed over, and kept to by both.
#include "support/flavour.hpp"
#include "support/records.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::test {
namespace {

constexpr std::uint16_t max_fragment_extension = 1;
constexpr std::size_t overhead = 24;  // of a record: nonce and tag, or type and tag
constexpr std::size_t much = 20'000;

struct max_fragment : ::testing::TestWithParam<flavour> {
  pair meeting(std::size_t asked, bool is_granted) {
    return make_pair(GetParam(), {.max_fragment = asked}, {.grants_max_fragment = is_granted});
  }
  static std::size_t longest(const wire& w) {
    std::size_t most = 0;
    for (const auto& one : records_of(w)) most = std::max(most, one.body.size());
    return most;
  }
  // What both write, record by record.
  static void expect_records_of(pair& p, std::size_t at_most) {
    EXPECT_EQ(write_text(p.server, p.server_io, random_text(much)).bytes, much);
    EXPECT_EQ(write_text(p.client, p.client_io, random_text(much)).bytes, much);
    for (const auto* w : {&p.to_client, &p.to_server}) {
      EXPECT_LE(longest(*w), at_most + overhead);
      EXPECT_GT(longest(*w), at_most);
    }
    EXPECT_EQ(read_all(p.client, p.client_io), random_text(much));
    EXPECT_EQ(read_all(p.server, p.server_io), random_text(much));
  }
};

TEST_P(max_fragment, that_is_granted_is_kept_to_by_both) {
  char code = 0;
  for (const std::size_t length : {512u, 1024u, 2048u, 4096u}) {
    auto p = meeting(length, true);
    p.client.handshake(p.client_io);
    EXPECT_EQ(client_hello_extension(text_of(p.to_server), max_fragment_extension), std::string(1, ++code));
    p.server.handshake(p.server_io);
    EXPECT_LE(longest(p.to_client), length + overhead) << "the server's flight";
    ASSERT_TRUE(p.handshake()) << why(p);
    read_all(p.client, p.client_io);
    expect_records_of(p, length);
  }
}

TEST_P(max_fragment, that_is_passed_over_changes_nothing) {
  auto p = meeting(512, false);
  ASSERT_TRUE(p.handshake()) << why(p);
  read_all(p.client, p.client_io);
  write_text(p.server, p.server_io, random_text(much));
  EXPECT_GT(longest(p.to_client), 4096 + overhead);
}

TEST_P(max_fragment, that_is_not_requested_changes_nothing) {
  auto p = meeting(0, true);
  p.client.handshake(p.client_io);
  EXPECT_FALSE(client_hello_extension(text_of(p.to_server), max_fragment_extension));
  ASSERT_TRUE(p.handshake()) << why(p);
  read_all(p.client, p.client_io);
  write_text(p.server, p.server_io, random_text(much));
  EXPECT_GT(longest(p.to_client), 4096 + overhead);
}

INSTANTIATE_TEST_SUITE_P(records, max_fragment, ::testing::Values(tls12, tls13), flavour_name);

TEST(max_fragment_length, that_cannot_be_asked_for_is_refused) {
  for (const std::size_t length : {1u, 511u, 513u, 8192u, 16384u}) {
    const auto made = context::client({.trust = trust_root(), .max_fragment = length});
    ASSERT_FALSE(made) << length;
    EXPECT_EQ(made.error().code, make_error_code(errc::invalid_argument));
    EXPECT_EQ(made.error().where, "max_fragment");
    EXPECT_EQ(made.error().detail, std::to_string(length) + " is no length that can be asked for");
  }
}

}  // namespace
}  // namespace sluice::test
