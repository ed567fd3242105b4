// SPDX-License-Identifier: Apache-2.0
// A transport that blocks or breaks at its n-th call, for every n until none is left.
#include "support/flavour.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

namespace sluice::test {
namespace {

namespace sys = boost::system::errc;
const error_code would_block = sys::make_error_code(sys::operation_would_block);
const error_code reset_by_peer = sys::make_error_code(sys::connection_reset);

constexpr std::size_t piece = 400;  // small enough for a handshake to take dozens of calls
const std::string message = random_text(3000);

enum class end { client, server };

struct injection : ::testing::TestWithParam<flavour> {
  // A pair whose `broken` end answers its n-th transport call with `ec`. `was_hit` tells whether it got that far.
  static pair with_fault(const flavour& f, end broken, std::size_t n, error_code ec, bool& was_hit) {
    auto p = make_pair(f);
    p.client_io.chunk = p.server_io.chunk = piece;
    (broken == end::client ? p.client_io : p.server_io).interfere = [n, ec, &was_hit](std::size_t call) {
      if (call != n) return error_code();
      was_hit = true;
      return ec;
    };
    return p;
  }
};

TEST_P(injection, would_block_at_any_call_costs_nothing) {
  for (const auto broken : {end::client, end::server}) {
    bool was_hit = true;
    std::size_t n = 0;
    for (; was_hit; ++n) {
      was_hit = false;
      auto p = with_fault(GetParam(), broken, n, would_block, was_hit);
      ASSERT_TRUE(p.handshake()) << "call " << n << '\n' << why(p);
      ASSERT_EQ(p.client_to_server(message), message) << "call " << n;
      ASSERT_EQ(p.server_to_client(message), message) << "call " << n;
    }
    EXPECT_GT(n, 20u);
  }
}

// What an end does until it fails: shakes hands, sends, receives. The first error, or none.
error_code first_error(pair& p, connection& c, pipe_end& io) {
  if (!p.handshake()) return c.last_failure().code;
  for (int turn = 0; turn < 100; ++turn) {
    if (const auto st = write_text(c, io, "question"); st.error) return st.error;
    step st;
    read_all(c, io, &st);
    if (st.error) return st.error;
  }
  return {};
}

void expect_every_call_to_fail(connection& c, pipe_end& io, error_code ec) {
  EXPECT_FALSE(c.is_established());
  EXPECT_EQ(c.handshake(io).error, ec);
  EXPECT_EQ(write_text(c, io, "more").error, ec);
  EXPECT_EQ(c.flush(io).error, ec);
  step st;
  EXPECT_EQ(read_all(c, io, &st), "");
  EXPECT_EQ(st.error, ec);
  EXPECT_EQ(c.shutdown_write(io).error, ec);
  EXPECT_EQ(c.shutdown(io).error, ec);
}

TEST_P(injection, a_failure_at_any_call_is_reported_exactly_and_kept) {
  constexpr std::size_t enough = 150;  // well into the data, which go on for as long as the test asks
  std::size_t handshakes = 0, reads = 0, writes = 0;
  for (const auto broken : {end::client, end::server}) {
    for (std::size_t n = 0; n < enough; ++n) {
      SCOPED_TRACE("call " + std::to_string(n));
      bool was_hit = false;
      auto p = with_fault(GetParam(), broken, n, reset_by_peer, was_hit);
      auto& c = broken == end::client ? p.client : p.server;
      auto& io = broken == end::client ? p.client_io : p.server_io;
      EXPECT_EQ(first_error(p, c, io), reset_by_peer);
      EXPECT_TRUE(was_hit);
      EXPECT_EQ(c.last_failure().code, reset_by_peer);
      EXPECT_TRUE(c.last_failure().code == errc::connection_reset);
      EXPECT_EQ(c.last_failure().from, origin::peer);
      switch (c.last_failure().at) {
        case phase::handshake: ++handshakes; break;
        case phase::read: ++reads; break;
        case phase::write: ++writes; break;
        default: ADD_FAILURE() << to_string(c.last_failure().at);
      }
      if (c.has_failed()) {
        expect_every_call_to_fail(c, io, reset_by_peer);
      } else {
        EXPECT_EQ(c.last_failure().at, phase::write);
        EXPECT_EQ(write_text(c, io, "more").error, reset_by_peer);
        EXPECT_EQ(c.flush(io).error, reset_by_peer);
      }
      const auto st = c.close_failed(io);  // there is nobody left to tell
      EXPECT_EQ(st.next, want::nothing);
      EXPECT_FALSE(st.error);
    }
  }
  EXPECT_GT(handshakes, 20u);
  EXPECT_GT(reads, 20u);
  EXPECT_GT(writes, 20u);
}

INSTANTIATE_TEST_SUITE_P(connection, injection, ::testing::ValuesIn(flavours), flavour_name);

}  // namespace
}  // namespace sluice::test
