// SPDX-License-Identifier: Apache-2.0
// What a client must refuse in a server's hello and extensions, and a server in a client's.
#include "core/wire/hello_rules.hpp"

#include "support/flavour.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using internal::breach_of_server;
using internal::read_client_extensions;
using internal::read_flight;
using bytes = std::vector<std::uint8_t>;
using extension = std::pair<unsigned, bytes>;
using extensions = std::vector<extension>;

constexpr unsigned illegal_parameter = 47, decode_error = 50, unsupported_extension = 110;

bytes u16(unsigned n) { return {static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}; }

void add(bytes& to, const bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

bytes block_of(const extensions& all) {
  bytes list;
  for (const auto& [type, body] : all) {
    add(list, u16(type));
    add(list, u16(static_cast<unsigned>(body.size())));
    add(list, body);
  }
  return list;
}

bytes sized(const bytes& body) {
  auto made = u16(static_cast<unsigned>(body.size()));
  add(made, body);
  return made;
}

bytes alpn_of(const std::vector<std::string>& names) {
  bytes list;
  for (const auto& name : names) {
    list.push_back(static_cast<std::uint8_t>(name.size()));
    list.insert(list.end(), name.begin(), name.end());
  }
  return sized(list);
}

const extension tls13_offer = {43, {4, 3, 4, 3, 3}};
const extension tls13_chosen = {43, {3, 4}};

void add_message(read_flight& to, std::uint8_t type, bytes body) {
  internal::read_message one;
  one.type = type;
  one.body = std::move(body);
  to.messages.push_back(std::move(one));
}

read_flight client_hello(const extensions& asked, unsigned legacy = 0x0303) {
  auto body = u16(legacy);
  add(body, bytes(32, 7));
  add(body, {0, 0, 4, 0xc0, 0x2b, 0x00, 0xff, 1, 0});  // no session, a suite and the renegotiation signal
  add(body, sized(block_of(asked)));
  read_flight made;
  add_message(made, 1, body);
  return made;
}

bytes server_hello(const extensions& answer, unsigned version = 0x0303, const std::string& end = "12345678",
                   bytes random = bytes(24, 9)) {
  auto body = u16(version);
  random.insert(random.end(), end.begin(), end.end());
  add(body, random);
  add(body, {0, 0xc0, 0x2b, 0});
  add(body, sized(block_of(answer)));
  return body;
}

struct told {
  unsigned alert = 0;
  std::string detail;
};

told judged(const read_flight& ours, const read_flight& theirs) {
  const auto found = breach_of_server(ours, theirs);
  return found ? told{found->alert, found->detail} : told{};
}

// TLS 1.2: the answer is in ServerHello.
told old_answer(const extensions& asked, const extensions& answer) {
  read_flight theirs;
  add_message(theirs, 2, server_hello(answer));
  return judged(client_hello(asked), theirs);
}

// TLS 1.3: ServerHello, EncryptedExtensions, and the extensions of a certificate.
told new_answer(extensions asked, extensions hello, const extensions& encrypted, const extensions& certificate = {}) {
  read_flight theirs;
  theirs.settled = internal::hello{.version = 0x0304, .cipher = 0x1301};
  asked.push_back(tls13_offer);
  asked.push_back({51, {}});
  hello.push_back(tls13_chosen);
  add_message(theirs, 2, server_hello(hello));
  add_message(theirs, 8, sized(block_of(encrypted)));
  bytes entry = {0, 0, 1, 0x30};
  add(entry, sized(block_of(certificate)));
  bytes message = {0, 0, 0, static_cast<std::uint8_t>(entry.size())};
  add(message, entry);
  add_message(theirs, 11, message);
  return judged(client_hello(asked), theirs);
}

TEST(hello_rules, a_plain_handshake_is_good) {
  EXPECT_EQ(old_answer({{0, {}}, {16, alpn_of({"h2", "http/1.1"})}, {23, {}}},
                       {{0, {}}, {16, alpn_of({"h2"})}, {23, {}}, {0xff01, {0}}})
                .detail,
            "");
  EXPECT_EQ(new_answer({{0, {}}, {16, alpn_of({"h2"})}, {10, {}}, {5, {}}}, {{51, {}}},
                       {{0, {}}, {16, alpn_of({"h2"})}, {10, {}}}, {{5, {}}})
                .detail,
            "");
}

TEST(hello_rules, an_extension_that_was_not_asked_for_is_refused_wherever_it_stands) {
  const auto old = old_answer({{23, {}}}, {{0, {}}});
  EXPECT_EQ(old.alert, unsupported_extension);
  EXPECT_EQ(old.detail, "it sent the extension 0 in ServerHello, which was not asked for");
  EXPECT_EQ(new_answer({}, {{0x1234, {}}}, {}).alert, unsupported_extension);
  EXPECT_EQ(new_answer({}, {}, {{0, {}}}).detail,
            "it sent the extension 0 in EncryptedExtensions, which was not asked for");
  EXPECT_EQ(new_answer({}, {}, {{0x1234, {}}}).alert, unsupported_extension);
  EXPECT_EQ(new_answer({}, {}, {}, {{18, {}}}).detail,
            "it sent the extension 18 in Certificate, which was not asked for");
  EXPECT_EQ(new_answer({}, {}, {}, {{0x1234, {}}}).alert, unsupported_extension);
}

TEST(hello_rules, an_extension_in_the_wrong_message_is_refused) {
  const auto secret = new_answer({{23, {}}}, {}, {{23, {}}});
  EXPECT_EQ(secret.alert, illegal_parameter);
  EXPECT_EQ(secret.detail, "it sent the extension 23 in EncryptedExtensions, where it is not allowed");
  EXPECT_EQ(new_answer({{11, {}}}, {}, {{11, {}}}).alert, illegal_parameter);
  EXPECT_EQ(new_answer({}, {}, {{51, {}}}).alert, illegal_parameter);
  EXPECT_EQ(new_answer({{16, alpn_of({"h2"})}}, {{16, alpn_of({"h2"})}}, {}).alert, illegal_parameter);
  EXPECT_EQ(new_answer({{0, {}}}, {}, {}, {{0, {}}}).alert, illegal_parameter);
  EXPECT_EQ(old_answer({{51, {}}}, {{51, {}}}).alert, illegal_parameter);
}

TEST(hello_rules, an_extension_twice_is_refused_wherever_it_stands) {
  EXPECT_EQ(old_answer({{23, {}}}, {{23, {}}, {23, {}}}).detail, "it sent the extension 23 twice in ServerHello");
  EXPECT_EQ(new_answer({{0, {}}}, {}, {{0, {}}, {0, {}}}).alert, illegal_parameter);
  EXPECT_EQ(new_answer({{5, {}}}, {}, {}, {{5, {}}, {5, {}}}).alert, illegal_parameter);
}

// A question of the server's, in which what nobody knows is passed over.
TEST(hello_rules, a_certificate_request_has_each_extension_once_and_none_of_another_message) {
  const auto asked_for = [](const extensions& in_request) {
    read_flight theirs;
    theirs.settled = internal::hello{.version = 0x0304, .cipher = 0x1301};
    add_message(theirs, 2, server_hello({tls13_chosen}));
    add_message(theirs, 8, {0, 0});
    bytes body = {0};
    add(body, sized(block_of(in_request)));
    add_message(theirs, 13, body);
    return judged(client_hello({tls13_offer, {0, {}}, {13, {}}}), theirs);
  };
  EXPECT_EQ(asked_for({{13, {}}, {47, {}}, {48, {}}, {0x1234, {}}}).detail, "");
  EXPECT_EQ(asked_for({{13, {}}, {0x1234, {}}, {0x1234, {}}}).alert, illegal_parameter);
  EXPECT_EQ(asked_for({{13, {}}, {0x1234, {}}, {0x1234, {}}}).detail,
            "it sent the extension 4660 twice in CertificateRequest");
  EXPECT_EQ(asked_for({{13, {}}, {0, {}}}).detail,
            "it sent the extension 0 in CertificateRequest, where it is not allowed");
}

TEST(hello_rules, an_application_protocol_that_was_not_offered_is_refused) {
  const auto unknown = old_answer({{16, alpn_of({"h2"})}}, {{16, alpn_of({"spdy/3"})}});
  EXPECT_EQ(unknown.alert, illegal_parameter);
  EXPECT_EQ(unknown.detail, "it chose the application protocol \"spdy/3\", which was not offered");
  EXPECT_EQ(new_answer({{16, alpn_of({"h2"})}}, {}, {{16, alpn_of({"h"})}}).alert, illegal_parameter);
  EXPECT_EQ(new_answer({{16, alpn_of({"h2"})}}, {}, {{16, alpn_of({"h2", "h2"})}}).alert, decode_error);
  EXPECT_EQ(new_answer({{16, alpn_of({"h2"})}}, {}, {{16, alpn_of({})}}).alert, decode_error);
  EXPECT_EQ(new_answer({{16, alpn_of({"h2"})}}, {}, {{16, {}}}).alert, decode_error);
}

TEST(hello_rules, a_retry_may_bring_a_cookie_and_nothing_else_unasked) {
  const bytes random = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02,
                        0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e};
  const std::string end = "\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
  const auto retry = [&](extension with) {
    read_flight theirs;
    theirs.settled = internal::hello{.version = 0x0304, .cipher = 0x1301};
    add_message(theirs, 2, server_hello({tls13_chosen, std::move(with)}, 0x0303, end, random));
    add_message(theirs, 8, {0, 0});
    return judged(client_hello({tls13_offer}), theirs).alert;
  };
  EXPECT_EQ(retry({44, {0, 1, 7}}), 0u);
  EXPECT_EQ(retry({51, {0, 29}}), unsupported_extension) << "no key share was offered";
  EXPECT_EQ(retry({0x1234, {}}), unsupported_extension);
}

TEST(hello_rules, a_server_that_could_do_better_is_refused) {
  using namespace std::string_literals;
  const auto answer = [](const extensions& asked, unsigned version, const std::string& end, unsigned legacy = 0x0303) {
    read_flight theirs;
    add_message(theirs, 2, server_hello({}, version, end));
    return judged(client_hello(asked, legacy), theirs).alert;
  };
  const auto tls12 = "DOWNGRD\x01"s, tls11 = "DOWNGRD\x00"s;
  for (const auto version : {0x0301u, 0x0302u, 0x0303u}) {
    EXPECT_EQ(answer({tls13_offer}, version, tls12), illegal_parameter) << version;
    EXPECT_EQ(answer({tls13_offer}, version, tls11), illegal_parameter) << version;
    EXPECT_EQ(answer({tls13_offer}, version, "12345678"), 0u) << version;
    EXPECT_EQ(answer({}, version, tls12), 0u) << "we do not offer 1.3";
  }
  EXPECT_EQ(answer({}, 0x0302, tls11), illegal_parameter) << "1.2 was offered";
  EXPECT_EQ(answer({}, 0x0303, tls11), 0u);
  EXPECT_EQ(answer({}, 0x0301, tls11, 0x0302), 0u) << "1.1 was the most that was offered";
}

TEST(hello_rules, encrypted_extensions_that_cannot_be_read_are_not_taken_on_trust) {
  read_flight theirs;
  theirs.settled = internal::hello{.version = 0x0304, .cipher = 0x1301};
  add_message(theirs, 2, server_hello({tls13_chosen}));
  EXPECT_EQ(judged(client_hello({tls13_offer}), theirs).detail, "its EncryptedExtensions cannot be read");
}

TEST(hello_rules, of_a_client_forbid_an_extension_twice_and_a_bad_list_of_protocols) {
  const auto read = [](const extensions& all) { return read_client_extensions(block_of(all)); };
  EXPECT_FALSE(read({{0, {}}, {16, alpn_of({"h2"})}}).fault);
  EXPECT_EQ(read({{0, {}}, {16, alpn_of({"h2", "x"})}}).alpn, (std::vector<std::string>{"h2", "x"}));
  EXPECT_EQ(read({{0x1234, {}}, {0, {}}, {0x1234, {}}}).fault->detail, "its ClientHello has the extension 4660 twice");
  EXPECT_EQ(read({{16, alpn_of({"h2", ""})}}).fault->alert, decode_error);
  EXPECT_FALSE(read({{0, {}}}).lists_versions);
  EXPECT_TRUE(read({tls13_offer}).lists_versions);
}

}  // namespace
}  // namespace sluice::test
