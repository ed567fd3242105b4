// SPDX-License-Identifier: Apache-2.0
// Hellos that s2n does not write itself: of old clients that know of new groups, of clients and servers that break the
// rules for extensions.
#include "support/flavour.hpp"
#include "support/records.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::test {
namespace {

std::string u16(unsigned n) { return {static_cast<char>(n >> 8), static_cast<char>(n)}; }
std::string sized(const std::string& body) { return u16(static_cast<unsigned>(body.size())) + body; }
std::string extension(unsigned type, const std::string& body) { return u16(type) + sized(body); }

std::string list_of(const std::vector<unsigned>& numbers) {
  std::string list;
  for (const auto n : numbers) list += u16(n);
  return list;
}

// The ClientHello of a client that speaks TLS 1.2 at most.
std::string old_hello(const std::vector<unsigned>& groups, const std::string& more = {}, unsigned version = 0x0303) {
  const auto extensions = extension(10, sized(list_of(groups))) + extension(11, std::string("\1\0", 2)) +
                          extension(13, sized(list_of({0x0403, 0x0804, 0x0401, 0x0503}))) + extension(23, "") +
                          extension(0xff01, std::string(1, '\0')) + more;
  const auto body = u16(version) + std::string(32, 'r') + std::string(1, '\0') +
                    sized(list_of({0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc009, 0xc013})) + std::string("\1\0", 2) +
                    sized(extensions);
  const auto message = std::string("\1\0", 2) + u16(static_cast<unsigned>(body.size())) + body;
  return std::string("\x16\x03\x01", 3) + sized(message);
}

// What a server answers first: a type of record and of message.
struct answer {
  failure error;
  std::string hello;  // the first record's body
};
answer answer_to(const std::string& hello, server_options options = {}) {
  pair p(client_context(), server_context(std::move(options)));
  put(p.to_server, hello);
  p.server.handshake(p.server_io);
  const auto records = records_of(p.to_client);
  return {p.server.last_failure(), records.empty() ? std::string() : records.front().body};
}

constexpr unsigned x25519 = 0x001d, p256 = 0x0017, hybrid = 0x11ec, hybrid_p256 = 0x11eb;

TEST(old_client, that_lists_a_hybrid_group_is_served_by_every_policy_that_has_one) {
  for (const auto& name : policy_names()) {
    const auto policy = find_policy(name);
    if (!policy || !policy->post_quantum || policy->min > tls_version::tls1_2) continue;
    const auto plain = answer_to(old_hello({x25519, p256, 0x0018}), {.policy = name});
    if (plain.hello.empty() || plain.hello[0] != 2) continue;  // it shares nothing with such a client at all
    for (const auto& groups :
         {std::vector{hybrid, x25519, p256, 0x0018u}, std::vector{x25519, hybrid, hybrid_p256, p256, 0x0018u}}) {
      const auto got = answer_to(old_hello(groups), {.policy = name});
      EXPECT_FALSE(got.error.code) << name << ": " << got.error.message();
      ASSERT_FALSE(got.hello.empty()) << name;
      EXPECT_EQ(got.hello[0], 2) << name;
    }
  }
}

TEST(old_client, still_gets_the_downgrade_sentinel) {
  const auto got = answer_to(old_hello({hybrid, x25519, p256}));
  ASSERT_GT(got.hello.size(), 38u);
  EXPECT_EQ(got.hello.substr(4, 2), u16(0x0303));
  EXPECT_EQ(got.hello.substr(30, 8), std::string("DOWNGRD\x01", 8)) << "RFC 8446 §4.1.3";
}

TEST(old_client, older_than_the_policy_is_refused_as_before) {
  const auto got = answer_to(old_hello({hybrid, x25519, p256}, {}, 0x0302));
  EXPECT_EQ(got.error.code, errc::version_unsupported) << got.error.message();
}

TEST(client_hello, with_an_extension_twice_is_refused) {
  const auto got = answer_to(old_hello({x25519, p256}, extension(0x1234, "") + extension(0x1234, "")));
  EXPECT_EQ(got.error.code, make_error_code(errc::protocol_error));
  EXPECT_EQ(got.error.detail, "its ClientHello has the extension 4660 twice");
}

// The record of a ClientHello, with something behind its last extension.
std::string lengthened(std::string record, const std::string& more) {
  const auto number = [&](std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(record[i])); };
    return byte(at) << 8 | byte(at + 1);
  };
  const auto add = [&](std::size_t at) { record.replace(at, 2, u16(number(at) + static_cast<unsigned>(more.size()))); };
  std::size_t at = 5 + 4 + 2 + 32;
  at += 1 + static_cast<unsigned char>(record[at]);  // session
  at += 2 + number(at);                              // suites
  at += 1 + static_cast<unsigned char>(record[at]);  // compression
  for (const auto length : {std::size_t{3}, std::size_t{7}, at}) add(length);
  return record + more;
}

TEST(client_hello, behind_a_retry_with_an_extension_twice_is_refused) {
  const auto twice = extension(0x1234, "") + extension(0x1234, "");
  for (const auto& more : {std::string(), twice}) {
    pair p(client_context({.policy = "20190801"}), server_context({.policy = "20190802", .blinding = blinding::off()}));
    p.client.handshake(p.client_io);
    p.server.handshake(p.server_io);
    p.client.handshake(p.client_io);
    std::string again;
    for (const auto& one : records_of(p.to_server)) {
      const auto record = std::string(1, static_cast<char>(one.type)) + "\x03\x03" + sized(one.body);
      again += one.type == handshake_record ? lengthened(record, more) : record;
    }
    p.to_server.bytes.clear();
    put(p.to_server, again);
    p.server.handshake(p.server_io);
    if (more.empty()) {
      EXPECT_FALSE(p.server.has_failed()) << p.server.last_failure().message();
      continue;
    }
    EXPECT_EQ(p.server.last_failure().code, make_error_code(errc::protocol_error));
    EXPECT_EQ(p.server.last_failure().detail, "its ClientHello has the extension 4660 twice");
    EXPECT_TRUE(p.to_client.bytes.empty()) << "nothing was answered";
    p.server.close_failed(p.server_io);
    EXPECT_EQ(p.client.handshake(p.client_io).error, (error_code{47, alert_category()}));
  }
}

TEST(client_hello, with_a_malformed_list_of_protocols_is_refused) {
  const auto got = answer_to(old_hello({x25519, p256}, extension(16, sized(std::string(1, '\0')))), {.alpn = {"h2"}});
  EXPECT_EQ(got.error.detail, "its list for ALPN is malformed");
}

TEST(server_hello, with_a_protocol_that_was_not_offered_is_refused) {
  auto p = make_pair(tls12, {.alpn = {"h2"}, .blinding = blinding::off()}, {.alpn = {"h2"}});
  p.client.handshake(p.client_io);
  p.server.handshake(p.server_io);
  auto sent = text_of(p.to_client);
  const auto at = sent.find("\x02h2");
  ASSERT_NE(at, std::string::npos);
  p.to_client.bytes[at + 2] = std::byte('3');
  p.client.handshake(p.client_io);
  EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::protocol_error)) << p.client.last_failure().message();
  EXPECT_EQ(p.client.last_failure().detail, "it chose the application protocol \"h3\", which was not offered");
  p.client.close_failed(p.client_io);
  EXPECT_EQ(p.client.statistics().alert_sent, std::uint8_t{47});
}

}  // namespace
}  // namespace sluice::test
