// SPDX-License-Identifier: Apache-2.0
// The outer type of a TLS 1.3 record (RFC 8446 §5.2) is always application_data: a record with another one ends the
// connection, and is never dropped while what follows is read (CVE-2026-16317 of s2n-tls before 1.7.6).
#include "support/flavour.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

struct outer_type : ::testing::TestWithParam<unsigned> {};

TEST_P(outer_type, other_than_application_data_ends_the_connection) {
  for (const bool is_to_client : {true, false}) {
    auto p = make_pair(tls13);
    ASSERT_TRUE(p.handshake()) << why(p);
    ASSERT_EQ(p.server_to_client("before"), "before");  // tickets are read
    auto& from = is_to_client ? p.server : p.client;
    auto& to = is_to_client ? p.client : p.server;
    auto& from_io = is_to_client ? p.server_io : p.client_io;
    auto& to_io = is_to_client ? p.client_io : p.server_io;
    auto& wire = is_to_client ? p.to_client : p.to_server;
    ASSERT_FALSE(write_text(from, from_io, "first").error);
    ASSERT_EQ(wire.bytes.front(), std::byte{23});
    wire.bytes.front() = std::byte{static_cast<unsigned char>(GetParam())};
    ASSERT_FALSE(write_text(from, from_io, "second").error);
    step last;
    EXPECT_EQ(read_all(to, to_io, &last), "");
    EXPECT_TRUE(last.error) << "the record was dropped";
    EXPECT_FALSE(to.is_established());
  }
}

INSTANTIATE_TEST_SUITE_P(each, outer_type, ::testing::Values(0x18U, 0x15U, 0x16U, 0x14U, 0x00U, 0x80U, 0xffU),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace sluice::test
