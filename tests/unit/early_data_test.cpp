// SPDX-License-Identifier: Apache-2.0
// Early data: what is sent with the first message is read once, by a server that wants it, or is told as not taken.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::test {
namespace {

constexpr std::uint32_t most = 16384;

std::shared_ptr<const secret> seed() {
  static const auto made = std::make_shared<const secret>(std::string_view("0123456789abcdef0123456789abcdef"));
  return made;
}

context server_taking(std::uint32_t bytes, server_options options = {}) {
  options.max_early_data = bytes;
  options.tickets = ticket_options{.seed = seed()};
  return server_context(std::move(options));
}

connection_options saying(const std::string& text) {
  return {.server_name = "localhost", .alpn = {}, .early_data = std::as_bytes(std::span(text))};
}

// A client that keeps sessions.
struct early : ::testing::Test {
  context client = client_context({.sessions = make_session_store()});
  const std::string request = "GET / HTTP/1.1\r\n\r\n";

  // A first visit, for the ticket.
  void visit(const context& server) const {
    pair p(client, server);
    ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
    ASSERT_EQ(p.server_to_client("hello"), "hello");
    EXPECT_EQ(p.client.info().early_data, early_data::none);
    EXPECT_EQ(p.server.info().early_data, early_data::none);
  }
  static void expect(const pair& p, early_data fate, std::size_t bytes) {
    for (const auto* end : {&p.client, &p.server}) {
      EXPECT_EQ(end->info().early_data, fate);
      EXPECT_EQ(end->info().early_bytes, bytes);
    }
  }
};

TEST_F(early, data_leaves_with_the_first_message_and_is_read_first) {
  const auto server = server_taking(most);
  visit(server);
  pair p(client, server, saying(request));
  EXPECT_EQ(pair::drive(p.client, p.client_io).next, want::read);
  const auto first_flight = p.to_server.bytes.size();
  EXPECT_GT(first_flight, request.size() + 200) << "a ClientHello, and the request behind it";
  ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  expect(p, early_data::accepted, request.size());
  EXPECT_TRUE(p.client.info().resumed);
  EXPECT_TRUE(p.server.has_buffered_input());
  EXPECT_EQ(read_all(p.server, p.server_io), request);
  EXPECT_FALSE(p.server.has_buffered_input());
  EXPECT_EQ(p.client_to_server("more"), "more");
  EXPECT_EQ(p.server_to_client("answer"), "answer");
  EXPECT_EQ(p.server.statistics().received.bytes, request.size() + 4);
  EXPECT_EQ(p.client.statistics().sent.bytes, request.size() + 4);
}

// Somebody records a client's first flight and sends it to the same server again: nothing of it is ever read.
TEST_F(early, data_that_is_replayed_is_never_given_to_the_server) {
  const auto server = server_taking(most);
  visit(server);
  pair honest(client, server, saying(request));
  pair::drive(honest.client, honest.client_io);
  const auto recorded = honest.to_server.bytes;
  ASSERT_TRUE(honest.handshake());
  EXPECT_EQ(read_all(honest.server, honest.server_io), request);

  pair again(client, server);
  again.to_server.bytes = recorded;
  const auto st = pair::drive(again.server, again.server_io);
  EXPECT_EQ(st.next, want::read) << "for a Finished that only the client could make";
  std::array<std::byte, 100> into;
  EXPECT_EQ(again.server.read(again.server_io, into).error, errc::not_ready);
  EXPECT_FALSE(again.server.has_buffered_input());
  again.to_server.is_cut = true;
  EXPECT_TRUE(pair::drive(again.server, again.server_io).error);
}

TEST_F(early, data_comes_in_pieces_and_is_read_in_pieces) {
  const auto server = server_taking(200000);
  visit(server);
  const auto text = random_text(100000);
  pair p(client, server, saying(text));
  p.client_io.chunk = p.server_io.chunk = 777;
  ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  expect(p, early_data::accepted, text.size());
  std::string got;
  std::array<std::byte, 999> into;
  while (got.size() < text.size()) {
    const auto st = p.server.read(p.server_io, into);
    ASSERT_GT(st.bytes, 0u);
    got.append(reinterpret_cast<const char*>(into.data()), st.bytes);
  }
  EXPECT_EQ(got, text);
}

TEST_F(early, data_beyond_what_the_server_allows_is_left_for_later) {
  const auto server = server_taking(10);
  visit(server);
  pair p(client, server, saying(request));
  ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  expect(p, early_data::accepted, 10);
  EXPECT_EQ(p.client_to_server(request.substr(10)), request) << "the early part first";
}

TEST_F(early, data_is_not_sent_without_a_session) {
  pair p(client, server_taking(most), saying(request));
  ASSERT_TRUE(p.handshake());
  expect(p, early_data::none, 0);
  EXPECT_EQ(p.client_to_server(request), request);
}

TEST_F(early, data_is_not_sent_to_a_server_that_promised_nothing) {
  const auto server = server_taking(0);
  visit(server);
  pair p(client, server, saying(request));
  ASSERT_TRUE(p.handshake());
  EXPECT_TRUE(p.client.info().resumed);
  expect(p, early_data::none, 0);
}

TEST_F(early, data_is_not_sent_in_tls_1_2) {
  const auto server = server_taking(most, {.versions = {{}, tls_version::tls1_2}});
  visit(server);
  pair p(client, server, saying(request));
  ASSERT_TRUE(p.handshake());
  EXPECT_TRUE(p.client.info().resumed);
  expect(p, early_data::none, 0);
}

TEST_F(early, data_is_not_sent_when_the_session_was_for_another_protocol) {
  const auto server = server_taking(most, {.alpn = {"h2", "http/1.1"}});
  const auto store = make_session_store();
  client = client_context({.alpn = {"h2"}, .sessions = store});
  visit(server);
  client = client_context({.alpn = {"http/1.1"}, .sessions = store});
  pair p(client, server, saying(request));
  ASSERT_TRUE(p.handshake());
  expect(p, early_data::none, 0);
}

TEST_F(early, data_is_rejected_by_a_server_that_takes_none_any_more) {
  visit(server_taking(most));
  pair p(client, server_taking(0), saying(request));
  ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  EXPECT_TRUE(p.client.info().resumed);
  expect(p, early_data::rejected, 0);
  EXPECT_EQ(p.client_to_server(request), request) << "once";
}

TEST_F(early, data_is_rejected_with_a_ticket_that_cannot_be_decrypted) {
  visit(server_taking(most));
  auto strangers = server_options{.tickets = ticket_options(), .max_early_data = most};
  pair p(client, server_context(strangers), saying(request));
  ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  EXPECT_FALSE(p.client.info().resumed);
  expect(p, early_data::rejected, 0);
}

// All that was allowed: its ciphertext is more, and must not count.
TEST_F(early, data_is_rejected_by_a_hello_retry_request_whatever_its_size) {
  client = client_context({.policy = "20190801", .sessions = make_session_store()});  // a share of X25519
  const auto server = server_taking(most, {.policy = "20190802"});                    // P-256 and P-384
  visit(server);
  for (const auto chunk : {all, std::size_t{1000}}) {
    const auto text = random_text(most);
    pair p(client, server, saying(text));
    p.client_io.chunk = p.server_io.chunk = chunk;
    ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
    EXPECT_TRUE(p.client.info().resumed);
    expect(p, early_data::rejected, 0);
    EXPECT_EQ(p.client_to_server(text), text);
    p.server_to_client("and another ticket");
  }
}

TEST_F(early, data_that_is_too_much_ends_the_handshake_and_says_so) {
  visit(server_taking(most));
  const auto text = random_text(1000);
  pair p(client, server_taking(100), saying(text));
  EXPECT_FALSE(p.handshake());
  const auto& error = p.server.last_failure();
  EXPECT_EQ(error.code, errc::protocol_error) << error.message();
  EXPECT_EQ(error.detail, "the client sent more early data than the 100 bytes allowed");
  EXPECT_EQ(p.server.info().early_data, early_data::rejected);
}

// What was sent is not "none" when the handshake fails: on neither side.
TEST_F(early, data_is_lost_with_its_handshake_and_both_sides_say_so) {
  const auto server = server_taking(most);
  visit(server);
  pair p(client, server, saying(request));
  pair::drive(p.client, p.client_io);
  pair::drive(p.server, p.server_io);
  p.to_server.is_cut = p.to_client.is_cut = true;
  p.to_client.bytes.clear();
  EXPECT_TRUE(pair::drive(p.client, p.client_io).error);
  EXPECT_TRUE(pair::drive(p.server, p.server_io).error);
  expect(p, early_data::rejected, 0);
}

TEST_F(early, data_that_never_left_is_none_of_a_failed_handshake_either) {
  pair p(client, server_taking(most), saying(request));
  pair::drive(p.client, p.client_io);
  p.to_client.is_cut = p.to_server.is_cut = true;
  EXPECT_TRUE(pair::drive(p.client, p.client_io).error);
  EXPECT_TRUE(pair::drive(p.server, p.server_io).error);
  expect(p, early_data::none, 0);
}

// Without tickets nobody takes any, and whoever sent some hears that it was thrown away.
TEST_F(early, data_is_rejected_by_a_server_without_tickets) {
  visit(server_taking(most));
  pair p(client, server_context({.tickets = std::nullopt}), saying(request));
  ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  expect(p, early_data::rejected, 0);
  EXPECT_EQ(p.client_to_server(request), request);
}

TEST_F(early, data_that_is_too_much_in_its_second_record_is_reported_the_same) {
  visit(server_taking(40000));
  const auto text = random_text(40000);
  pair p(client, server_taking(16384), saying(text));
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.server.last_failure().code, errc::protocol_error) << p.server.last_failure().message();
  EXPECT_EQ(p.server.last_failure().detail, "the client sent more early data than the 16384 bytes allowed");
}

TEST_F(early, data_goes_with_one_connection_of_an_object_and_not_with_the_next) {
  const auto server = server_taking(most);
  visit(server);
  pair p(client, server, saying(request));
  ASSERT_TRUE(p.handshake());
  EXPECT_EQ(read_all(p.server, p.server_io), request);
  p.server_to_client("and another ticket");
  p.to_server = p.to_client = {};
  p.client.reset({.server_name = "localhost", .alpn = {}});
  p.server.reset();
  ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
  EXPECT_TRUE(p.client.info().resumed);
  expect(p, early_data::none, 0);
}

TEST(early_data, needs_tickets) {
  const server_options options{.identities = {site_identity()}, .tickets = std::nullopt, .max_early_data = 1};
  EXPECT_EQ(context::server(options).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace sluice::test
