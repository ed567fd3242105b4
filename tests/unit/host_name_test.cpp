// SPDX-License-Identifier: Apache-2.0
// Which texts may stand for a server.
#include "core/x509/host_name.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace sluice::test {
namespace {

using internal::check_host_name;

TEST(host_names, are_taken_as_they_are_without_the_root_dot) {
  const std::pair<const char*, const char*> rows[] = {{"localhost", "localhost"},
                                                      {"example.org", "example.org"},
                                                      {"example.org.", "example.org"},
                                                      {"A-b.C", "A-b.C"},
                                                      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
                                                      {"_dmarc.example.org", "_dmarc.example.org"},
                                                      {"3com.example", "3com.example"},
                                                      {"", ""}};
  for (const auto& [text, expected] : rows) {
    const auto name = check_host_name(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->text, expected);
    EXPECT_FALSE(name->is_ip);
  }
}

TEST(host_names, that_are_addresses_are_recognised_with_or_without_brackets) {
  const std::pair<const char*, const char*> rows[] = {{"127.0.0.1", "127.0.0.1"},
                                                      {"::1", "::1"},
                                                      {"[::1]", "::1"},
                                                      {"[2001:db8::1]", "2001:db8::1"},
                                                      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"}};
  for (const auto& [text, expected] : rows) {
    const auto name = check_host_name(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->text, expected);
    EXPECT_TRUE(name->is_ip) << text;
  }
}

TEST(host_names, that_are_addresses_may_have_a_zone_which_is_no_part_of_the_name) {
  const std::array<std::array<const char*, 3>, 5> rows = {{{"fe80::1%lo", "fe80::1", "lo"},
                                                           {"[fe80::1%eth0.7]", "fe80::1", "eth0.7"},
                                                           {"[fe80::1%25eth0]", "fe80::1", "eth0"},
                                                           {"::1%1", "::1", "1"},
                                                           {"fe80::1%25", "fe80::1", "25"}}};
  for (const auto& [text, expected, zone] : rows) {
    const auto name = check_host_name(text);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(name->text, expected);
    EXPECT_EQ(name->zone, zone);
    EXPECT_TRUE(name->is_ip) << text;
  }
  for (const auto* text : {"fe80::1%", "127.0.0.1%lo", "example.org%lo", "fe80::1%a b", "%lo", "fe80::zz%lo"}) {
    EXPECT_FALSE(check_host_name(text)) << text;
  }
}

TEST(host_names, that_are_more_than_a_host_say_what_they_are) {
  const std::pair<const char*, const char*> rows[] = {
      {"https://example.org/", "it is a URL"},       {"wss://example.org:8443", "it is a URL"},
      {"localhost:443", "it is a host with a port"}, {"127.0.0.1:443", "it is a host with a port"},
      {"[::1]:443", "it is an address with a port"}, {"example.org/path", "it is a host with a path"},
      {"me@example.org", "it is a host with a user"}};
  for (const auto& [text, detail] : rows) {
    const auto name = check_host_name(text, "host");
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code, errc::bad_name);
    EXPECT_EQ(name.error().where, "host \"" + std::string(text) + '"');
    EXPECT_EQ(name.error().detail, detail);
    EXPECT_EQ(name.error().remedy, "give the host alone, and the port by itself");
  }
}

TEST(host_names, may_be_as_long_as_the_dns_allows_and_no_longer) {
  const std::string label(63, 'a');
  EXPECT_TRUE(check_host_name(label + ".example"));
  EXPECT_FALSE(check_host_name(label + "a.example"));
  const auto longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
  ASSERT_EQ(longest.size(), 253u);
  EXPECT_TRUE(check_host_name(longest));
  EXPECT_TRUE(check_host_name(longest + '.'));
  EXPECT_EQ(check_host_name(longest + 'b').error().detail, "longer than 253 characters");
}

TEST(host_names, that_are_none_say_why) {
  EXPECT_EQ(check_host_name("b\xc3\xbc"
                            "cher")
                .error()
                .detail,
            "not in ASCII");
  EXPECT_EQ(check_host_name("a..b").error().detail, "a label of it is not letters, digits and hyphens");
  EXPECT_EQ(check_host_name("[a]").error().detail, "not an IPv6 address");
  EXPECT_EQ(check_host_name("[a]").error().where, "server name \"[a]\"");
  EXPECT_EQ(check_host_name("[a]").error().code, make_error_code(errc::bad_name));
}

}  // namespace
}  // namespace sluice::test
