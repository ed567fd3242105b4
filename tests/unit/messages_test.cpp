// SPDX-License-Identifier: Apache-2.0
// The messages of TLS, as an observer is lines them: which, whose, in which order, and opened where they were sealed.
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/watch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace sluice::test {
namespace {

using kind = message_event::kind;

class message_recorder final : public observer {
 public:
  struct message {
    message_event event;
    std::string bytes;
  };
  bool wants_messages() const noexcept override { return true; }
  void on_message(const message_event& e) noexcept override {
    auto kept = e;
    kept.bytes = {};
    messages.push_back({kept, {reinterpret_cast<const char*>(e.bytes.data()), e.bytes.size()}});
  }

  // "> ClientHello": what was sent, and what came; sealed messages in brackets.
  std::vector<std::string> trace() const {
    static const std::map<int, std::string> names = {
        {1, "ClientHello"},        {2, "ServerHello"},        {4, "NewSessionTicket"},    {8, "EncryptedExtensions"},
        {11, "Certificate"},       {12, "ServerKeyExchange"}, {13, "CertificateRequest"}, {14, "ServerHelloDone"},
        {15, "CertificateVerify"}, {16, "ClientKeyExchange"}, {20, "Finished"},           {22, "CertificateStatus"},
        {24, "KeyUpdate"}};
    std::vector<std::string> lines;
    for (const auto& m : messages) {
      std::string name = "?";
      if (m.event.what == kind::handshake) name = names.at(m.event.type);
      if (m.event.what == kind::alert) name = "alert " + std::to_string(m.event.type);
      if (m.event.what == kind::change_cipher_spec) name = "ChangeCipherSpec";
      if (m.event.was_sealed) name = "[" + name + "]";
      lines.push_back((m.event.is_sent ? "> " : "< ") + name);
    }
    return lines;
  }
  std::size_t count(const std::string& which) const {
    const auto lines = trace();
    return static_cast<std::size_t>(std::ranges::count(lines, which));
  }

  std::vector<message> messages;
};

// The same messages seen from the other end.
std::vector<std::string> mirrored(std::vector<std::string> lines) {
  for (auto& one : lines) one[0] = one[0] == '>' ? '<' : '>';
  return lines;
}

struct messages : ::testing::TestWithParam<flavour> {
  std::shared_ptr<message_recorder> at_client = std::make_shared<message_recorder>();
  std::shared_ptr<message_recorder> at_server = std::make_shared<message_recorder>();
};

TEST_P(messages, of_both_ends_are_the_same_and_in_the_order_of_the_rfc) {
  auto p = make_pair(GetParam(), {.observer = at_client}, {.tickets = std::nullopt, .observer = at_server});
  ASSERT_TRUE(p.handshake());
  const std::vector<std::string> tls13 = {
      "> ClientHello",   "< ServerHello",         "< ChangeCipherSpec", "< [EncryptedExtensions]",
      "< [Certificate]", "< [CertificateVerify]", "< [Finished]",       "> ChangeCipherSpec",
      "> [Finished]"};
  const std::vector<std::string> tls12 = {
      "> ClientHello",       "< ServerHello",      "< Certificate", "< ServerKeyExchange", "< ServerHelloDone",
      "> ClientKeyExchange", "> ChangeCipherSpec", "> [Finished]",  "< ChangeCipherSpec",  "< [Finished]"};
  EXPECT_EQ(at_client->trace(), GetParam().version_text() == "TLSv1.3" ? tls13 : tls12);
  // The certificate goes by in the very bytes of the message.
  for (const auto& m : at_client->messages) {
    if (m.event.type != 11 || m.event.what != kind::handshake) continue;
    EXPECT_EQ(m.bytes.size(), m.event.size);
    EXPECT_NE(m.bytes.find("Test Root"), std::string::npos);
  }
  auto there = at_server->trace(), here = mirrored(at_client->trace());
  std::ranges::sort(there);  // of those that cross, each end has its own order
  std::ranges::sort(here);
  EXPECT_EQ(there, here);
}

TEST_P(messages, come_at_times_that_only_grow) {
  auto p = make_pair(GetParam(), {.observer = at_client});
  ASSERT_TRUE(p.handshake());
  auto last = std::chrono::nanoseconds(0);
  for (const auto& m : at_client->messages) {
    EXPECT_GE(m.event.at, last);
    EXPECT_FALSE(m.event.is_server);
    last = m.event.at;
  }
}

TEST_P(messages, that_arrive_byte_by_byte_are_the_same) {
  auto whole = make_pair(GetParam(), {.observer = at_client}, {.tickets = std::nullopt});
  ASSERT_TRUE(whole.handshake());
  const auto expected = at_client->trace();
  at_client->messages.clear();
  auto p = make_pair(GetParam(), {.observer = at_client}, {.tickets = std::nullopt});
  p.client_io.chunk = p.server_io.chunk = 1;
  ASSERT_TRUE(p.handshake());
  EXPECT_EQ(at_client->trace(), expected);
}

TEST_P(messages, go_on_after_the_handshake_and_data_is_none) {
  auto p = make_pair(GetParam(), {.observer = at_client}, {.tickets = std::nullopt, .observer = at_server});
  ASSERT_TRUE(p.handshake());
  const auto before = at_client->messages.size();
  const auto text = random_text(100000);
  EXPECT_EQ(p.client_to_server(text), text);
  EXPECT_EQ(p.server_to_client(text), text);
  EXPECT_EQ(at_client->messages.size(), before);
  p.server.shutdown(p.server_io);
  read_all(p.client, p.client_io);
  const bool is_opened = GetParam().version_text() == "TLSv1.3";
  EXPECT_EQ(at_client->trace().back(), is_opened ? "< [alert 0]" : "< [alert 255]");
}

TEST_P(messages, without_an_observer_are_not_traced) {
  const auto quiet = std::make_shared<recorder>();
  EXPECT_FALSE(quiet->wants_messages());
  auto p = make_pair(GetParam(), {.observer = quiet});
  EXPECT_TRUE(p.handshake());
}

TEST_P(messages, of_a_refused_handshake_end_with_what_was_refused) {
  static const auto other = testkit::authority::make_root("Other Root").value();
  auto p = make_pair(GetParam(), {.trust = trust::from_pem(other.certificate()).value(), .observer = at_client});
  EXPECT_FALSE(p.handshake());
  const bool is_sealed = GetParam().version_text() == "TLSv1.3";
  EXPECT_EQ(at_client->count(is_sealed ? "< [Certificate]" : "< Certificate"), 1u);
}

INSTANTIATE_TEST_SUITE_P(flavours, messages, ::testing::ValuesIn(flavours), flavour_name);

TEST(messages_of_tls13, report_tickets_and_follow_new_keys) {
  const auto watch = std::make_shared<message_recorder>();
  pair p(client_context({.sessions = make_session_store(), .observer = watch}), server_context());
  ASSERT_TRUE(p.handshake());
  EXPECT_EQ(p.server_to_client("hello"), "hello");
  EXPECT_GE(watch->count("< [NewSessionTicket]"), 1u);
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(p.client.request_key_update());
    ASSERT_FALSE(p.server.request_key_update());
    EXPECT_EQ(p.client_to_server("more"), "more");
    EXPECT_EQ(p.server_to_client("and more"), "and more");
  }
  EXPECT_EQ(watch->count("> [KeyUpdate]"), 3u);
  EXPECT_EQ(watch->count("< [KeyUpdate]"), 3u);
  EXPECT_EQ(watch->count("> [?]") + watch->count("< [?]"), 0u);
}

TEST(messages_of_a_reset_connection, are_reported_anew) {
  const auto watch = std::make_shared<message_recorder>();
  pair p(client_context({.observer = watch}), server_context({.tickets = std::nullopt}));
  ASSERT_TRUE(p.handshake());
  const auto first = watch->trace();
  watch->messages.clear();
  p.client.reset({.server_name = "localhost", .alpn = {}});
  p.server.reset();
  p.to_client.bytes.clear();
  p.to_server.bytes.clear();
  ASSERT_TRUE(p.handshake());
  EXPECT_EQ(watch->trace(), first);
}

TEST(messages_from_a_peer_that_is_not_one, are_none) {
  const auto watch = std::make_shared<message_recorder>();
  pair p(client_context(), server_context({.observer = watch}));
  put(p.to_server, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(pair::drive(p.server, p.server_io).error.failed());
  EXPECT_TRUE(watch->messages.empty() || watch->messages[0].event.is_sent);
}

}  // namespace
}  // namespace sluice::test
