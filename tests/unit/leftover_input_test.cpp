// SPDX-License-Identifier: Apache-2.0
// A record that goes on behind the message after which it is the other side's turn, or keys change, is refused: the
// engine must not see it. Whole flights in one record are served.
#include "support/flavour.hpp"
#include "support/wiretap.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

constexpr std::uint8_t client_hello = 1, server_hello = 2, server_hello_done = 14, certificate_verify = 15,
                       client_key_exchange = 16;
constexpr std::uint8_t cipher_change_record = 20;

using namespace std::string_literals;
// Nothing whole, a header, a message that is allowed anywhere (HelloRequest), one that would come next.
const std::vector<std::string> tails = {"\x14",          "\x14\0"s,           "\x14\0\0"s,           "\0\0\0\0"s,
                                        "\x14\0\0\x0c"s, "\x0b\0\0\3\0\0\0"s, std::string(5000, 'x')};

bool is_message(const tls_record& record, std::uint8_t type) {
  return record.type == handshake_record && !record.body.empty() && record.body[0] == static_cast<char>(type);
}

// Adds `tail` to the record in which the n-th message of that type ends; everything else stays.
record_change with_tail(std::uint8_t type, const std::string& tail, int number = 1) {
  return [=, seen = std::make_shared<int>(0)](const tls_record& record) {
    const bool is_it = is_message(record, type) && ++*seen == number;
    return record_bytes(record.type, is_it ? record.body + tail : record.body);
  };
}

// Splits that message over two records, and adds `tail` to the second.
record_change split_with_tail(std::uint8_t type, const std::string& tail) {
  return [=](const tls_record& record) {
    if (!is_message(record, type)) return unchanged(record);
    const auto first = record_bytes(record.type, record.body.substr(0, 3));
    return first + record_bytes(record.type, record.body.substr(3) + tail);
  };
}

void expect_refusal(const connection& c, const std::string& message) {
  EXPECT_EQ(c.last_failure().code, make_error_code(errc::protocol_error)) << c.last_failure().message();
  EXPECT_EQ(c.last_failure().detail, "it sent more in the record in which " + message + " ended");
  EXPECT_EQ(c.last_failure().at, phase::handshake);
  EXPECT_EQ(c.last_failure().from, origin::local);
}

// A server whose first answer to our clients is HelloRetryRequest: they offer a key of another group first.
pair retrying_pair() { return {client_context({.policy = "20190801"}), server_context({.policy = "20190802"})}; }

struct leftover : ::testing::TestWithParam<std::size_t> {
  bool carry(pair& p, const record_change& to_client, const record_change& to_server = unchanged) const {
    return carry_handshake(p, to_client, to_server, GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(reads_of, leftover, ::testing::Values(1, 5, 6, 97, all), ::testing::PrintToStringParamName());

TEST_P(leftover, behind_server_hello_done_never_reaches_a_client) {
  for (const auto* policy : {"20240331", "ELBSecurityPolicy-2016-08"}) {
    for (const auto& tail : tails) {
      for (const auto& change : {with_tail(server_hello_done, tail), split_with_tail(server_hello_done, tail)}) {
        pair p(client_context(), server_context({.identities = {site_identity("rsa2048")}, .policy = policy}));
        EXPECT_FALSE(carry(p, change)) << policy << ' ' << tail.size();
        expect_refusal(p.client, "ServerHelloDone");
      }
    }
  }
}

TEST_P(leftover, behind_a_server_hello_of_tls_1_3_never_reaches_a_client) {
  for (const auto& tail : tails) {
    auto p = make_pair(tls13);
    EXPECT_FALSE(carry(p, with_tail(server_hello, tail)));
    expect_refusal(p.client, "ServerHello");
  }
}

TEST_P(leftover, behind_a_hello_retry_request_or_the_hello_after_it_never_reaches_a_client) {
  for (const int number : {1, 2}) {
    for (const auto& tail : tails) {
      auto p = retrying_pair();
      EXPECT_FALSE(carry(p, with_tail(server_hello, tail, number)));
      expect_refusal(p.client, "ServerHello");
    }
  }
}

TEST_P(leftover, behind_a_client_hello_never_reaches_a_server) {
  for (const auto& f : {tls12, tls13}) {
    for (const auto& tail : tails) {
      auto p = make_pair(f);
      EXPECT_FALSE(carry(p, unchanged, with_tail(client_hello, tail)));
      expect_refusal(p.server, "ClientHello");
    }
  }
}

// It comes after a ChangeCipherSpec, which means nothing in TLS 1.3.
TEST_P(leftover, behind_a_second_client_hello_never_reaches_a_server) {
  for (const auto& tail : tails) {
    auto p = retrying_pair();
    EXPECT_FALSE(carry(p, unchanged, with_tail(client_hello, tail, 2)));
    expect_refusal(p.server, "ClientHello");
  }
}

TEST_P(leftover, behind_a_client_key_exchange_never_reaches_a_server) {
  for (const auto& tail : tails) {
    auto p = make_pair(tls12);
    EXPECT_FALSE(carry(p, unchanged, with_tail(client_key_exchange, tail)));
    expect_refusal(p.server, "ClientKeyExchange");
  }
}

// Even the beginning of a message that may follow there where the client has sent a certificate.
TEST_P(leftover, a_certificate_verify_of_a_client_without_a_certificate_never_reaches_a_server) {
  auto p = make_pair(tls12, {}, {.client_auth = client_auth::optional, .trust = trust_root()});
  EXPECT_FALSE(carry(p, unchanged, with_tail(client_key_exchange, "\x0f\0\0"s)));
  expect_refusal(p.server, "ClientKeyExchange");
}

pair mutual_pair(const flavour& f, const char* key_type = "ec256") {
  auto device_identity = identity::from_pem(device().chain, device().key).value();
  return make_pair({f.version, key_type}, {.identity = std::move(device_identity)},
                   {.client_auth = client_auth::required, .trust = trust_root()});
}

TEST_P(leftover, behind_a_certificate_verify_never_reaches_a_server) {
  for (const auto& tail : tails) {
    auto p = mutual_pair(tls12);
    EXPECT_FALSE(carry(p, unchanged, with_tail(certificate_verify, tail)));
    expect_refusal(p.server, "CertificateVerify");
  }
}

TEST_P(leftover, half_a_message_before_a_change_cipher_spec_is_refused) {
  const auto half = [](const tls_record& record) {
    const auto before = record.type == cipher_change_record ? record_bytes(handshake_record, "\x01\0"s) : "";
    return before + unchanged(record);
  };
  auto p = make_pair(tls12);
  EXPECT_FALSE(carry(p, unchanged, half));
  EXPECT_EQ(p.server.last_failure().detail, "it sent a ChangeCipherSpec inside a handshake message");
  auto q = make_pair(tls12);
  EXPECT_FALSE(carry(q, half));
  EXPECT_EQ(q.client.last_failure().detail, "it sent a ChangeCipherSpec inside a handshake message");
}

// All plain messages of a flight in one record, or in one of a few bytes each.
record_change merged(std::size_t most) {
  const auto waiting = std::make_shared<std::string>();
  return [=](const tls_record& record) {
    std::string out;
    const bool is_last =
        record.type != handshake_record || is_message(record, server_hello_done) || is_message(record, client_hello);
    if (record.type == handshake_record) *waiting += record.body;
    if (!is_last) return out;
    for (std::string_view rest = *waiting; !rest.empty(); rest.remove_prefix(std::min(most, rest.size()))) {
      out += record_bytes(handshake_record, rest.substr(0, most));
    }
    waiting->clear();
    return record.type == handshake_record ? out : out + unchanged(record);
  };
}

// What is sealed is no handshake message to see: from the first ChangeCipherSpec on everything stays as it is.
record_change until_sealed(const record_change& change) {
  return [change, is_sealed = std::make_shared<bool>(false)](const tls_record& record) {
    if (*is_sealed) return unchanged(record);
    *is_sealed = record.type == cipher_change_record;
    return change(record);
  };
}

TEST_P(leftover, whole_flights_in_one_record_are_served_in_both_roles) {
  for (const std::size_t most : {16384u, 50u, 1u}) {
    if (most == 1 && GetParam() != all) continue;  // slow, and nothing new
    const auto change = [most] { return until_sealed(merged(most)); };
    auto p = make_pair(tls12, {}, {.client_auth = client_auth::optional, .trust = trust_root()});
    ASSERT_TRUE(carry(p, change(), change())) << most << '\n' << why(p);
    EXPECT_EQ(p.client_to_server("hello"), "hello");
    auto q = mutual_pair(tls12, "rsa2048");
    ASSERT_TRUE(carry(q, change(), change())) << most << '\n' << why(q);
    EXPECT_TRUE(q.server.info().client_certificate);
    EXPECT_EQ(q.server_to_client("there"), "there");
  }
}

TEST_P(leftover, a_resumed_handshake_is_served_and_its_ticket_followed_by_nothing) {
  constexpr std::uint8_t new_session_ticket = 4;
  const auto client = client_context({.sessions = make_session_store()});
  const auto server = server_context({.versions = tls12.versions()});
  pair first(client, server);
  ASSERT_TRUE(carry(first, unchanged)) << why(first);
  pair second(client, server);
  ASSERT_TRUE(carry(second, unchanged)) << why(second);
  EXPECT_TRUE(second.client.info().resumed);
  for (const auto& tail : tails) {
    pair p(client_context({.sessions = make_session_store()}), server);
    EXPECT_FALSE(carry(p, with_tail(new_session_ticket, tail)));
    expect_refusal(p.client, "NewSessionTicket");
  }
}

TEST(record_types, after_the_first_record_are_the_four_of_tls) {
  for (const auto& f : flavours) {
    for (const int type : {0, 19, 24, 25, 0x80, 0xff}) {
      auto p = make_pair(f);
      ASSERT_TRUE(p.handshake());
      put(p.to_client, std::string(1, static_cast<char>(type)));  // its first byte is enough
      std::vector<std::byte> room(10);
      const auto st = p.client.read(p.client_io, room);
      EXPECT_EQ(st.error, errc::protocol_error) << f << ' ' << type;
      EXPECT_EQ(p.client.last_failure().detail, "it sent a record of a type that TLS does not have");
      EXPECT_EQ(p.client.last_failure().at, phase::read);
    }
  }
}

TEST(record_types, other_than_the_four_of_tls_are_refused_inside_a_handshake) {
  auto p = make_pair(tls12);
  EXPECT_FALSE(carry_handshake(p, [](const tls_record& record) { return unchanged(record) + "\x80"; }));
  EXPECT_EQ(p.client.last_failure().detail, "it sent a record of a type that TLS does not have");
}

}  // namespace
}  // namespace sluice::test
