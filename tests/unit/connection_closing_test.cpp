// SPDX-License-Identifier: Apache-2.0
// Nothing readable is lost at the end: what comes with close_notify, what comes while closing, and what comes behind.
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/watch.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

namespace sluice::test {
namespace {

namespace sys = boost::system::errc;

struct closing : ::testing::TestWithParam<flavour> {
  closing() { EXPECT_TRUE(p.handshake()) << why(p); }
  std::shared_ptr<recorder> watch = std::make_shared<recorder>();
  pair p = make_pair(GetParam(), {}, {.observer = watch});
};
INSTANTIATE_TEST_SUITE_P(of, closing, ::testing::ValuesIn(flavours), flavour_name);

TEST_P(closing, data_that_come_with_close_notify_can_be_answered) {
  for (const auto& question : {std::string("question"), random_text(40'000)}) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{1000}, all}) {
      auto q = make_pair(GetParam());
      ASSERT_TRUE(q.handshake());
      q.server_io.chunk = chunk;
      write_text(q.client, q.client_io, question);
      q.client.shutdown_write(q.client_io);
      std::vector<std::byte> room(100'000);
      std::string got;
      step st;
      while (got.size() < question.size() && !st.error && !st.ended) {
        st = q.server.read(q.server_io, room);
        got.append(reinterpret_cast<const char*>(room.data()), st.bytes);
      }
      EXPECT_EQ(got, question);
      EXPECT_FALSE(st.ended);
      EXPECT_EQ(write_text(q.server, q.server_io, "answer").bytes, 6u) << q.server.last_failure().message();
      EXPECT_TRUE(q.server.read(q.server_io, room).ended);
      EXPECT_FALSE(q.server.shutdown(q.server_io).error);
      EXPECT_EQ(read_all(q.client, q.client_io), GetParam().version == tls_version::tls1_3 ? "answer" : "");
    }
  }
}

// Everything behind it is not TLS, and is left for whoever goes on in the clear.
TEST_P(closing, what_comes_behind_close_notify_is_given_back) {
  const std::string plain = "plain text follows\n";
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{30}, all}) {
    for (const bool has_data : {false, true}) {
      auto q = make_pair(GetParam());
      ASSERT_TRUE(q.handshake());
      q.server_io.chunk = chunk;
      if (has_data) write_text(q.client, q.client_io, random_text(20'000));
      q.client.shutdown_write(q.client_io);
      put(q.to_server, plain);
      step st;
      auto got = read_all(q.server, q.server_io, &st);
      got += read_all(q.server, q.server_io, &st);
      EXPECT_EQ(got.size(), has_data ? 20'000u : 0u);
      EXPECT_TRUE(st.ended);
      const auto ahead = q.server.read_ahead();
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(ahead.data()), ahead.size()) + text_of(q.to_server), plain);
      EXPECT_FALSE(q.server.has_buffered_input());
    }
  }
}

TEST_P(closing, what_comes_behind_close_notify_stays_in_the_transport_once_we_shut_down) {
  p.client.shutdown_write(p.client_io);
  put(p.to_server, "plain");
  EXPECT_EQ(p.server.shutdown(p.server_io).next, want::nothing);
  EXPECT_TRUE(p.server.read_ahead().empty());
  EXPECT_EQ(text_of(p.to_server), "plain");
}

TEST_P(closing, nothing_is_ahead_before_the_peer_has_ended) {
  write_text(p.client, p.client_io, "a");
  write_text(p.client, p.client_io, "b");
  std::vector<std::byte> room(1);
  EXPECT_EQ(p.server.read(p.server_io, room).bytes, 1u);
  EXPECT_TRUE(p.server.has_buffered_input());
  EXPECT_TRUE(p.server.read_ahead().empty());
}

TEST_P(closing, a_shutdown_when_both_close_notify_and_the_end_have_come_is_clean) {
  for (const bool is_read : {false, true}) {
    auto q = make_pair(GetParam(), {}, {.observer = watch});
    ASSERT_TRUE(q.handshake());
    q.client.shutdown_write(q.client_io);
    std::vector<std::byte> room(10);
    EXPECT_EQ(is_read && q.server.read(q.server_io, room).ended, is_read);
    const auto writes_before = q.server_io.calls;
    q.server_io.interfere = [&, writes_before](std::size_t call) {
      return call == writes_before ? sys::make_error_code(sys::broken_pipe) : error_code();
    };
    const auto st = q.server.shutdown(q.server_io);
    EXPECT_FALSE(st.error) << is_read << ' ' << st.error.message();
    EXPECT_EQ(st.next, want::nothing);
  }
  EXPECT_TRUE(watch->failures().empty());
}

TEST_P(closing, a_shutdown_that_reaches_no_peer_is_an_error_unless_the_peer_has_sent_close_notify) {
  p.to_server.is_cut = true;
  p.server_io.interfere = [first = p.server_io.calls](std::size_t call) {
    return call == first ? sys::make_error_code(sys::broken_pipe) : error_code();
  };
  EXPECT_EQ(p.server.shutdown(p.server_io).error, sys::broken_pipe);
}

struct closing_tls13 : ::testing::Test {
  std::shared_ptr<session_store> store = make_session_store();
  context server = server_context({.versions = tls13.versions()});
  pair p{client_context({.sessions = store}), server};
};

TEST_F(closing_tls13, tickets_and_new_keys_are_taken_while_the_peers_close_notify_is_awaited) {
  ASSERT_TRUE(p.handshake());
  EXPECT_EQ(p.client.shutdown(p.client_io).next, want::read);
  p.server.request_key_update();
  write_text(p.server, p.server_io, "the rest");
  p.server.shutdown(p.server_io);
  const auto st = p.client.shutdown(p.client_io);
  EXPECT_FALSE(st.error) << p.client.last_failure().message();
  EXPECT_EQ(st.next, want::nothing);
  pair again(client_context({.sessions = store}), server);
  EXPECT_TRUE(again.handshake());
  EXPECT_TRUE(again.client.info().resumed);
}

}  // namespace
}  // namespace sluice::test
