// SPDX-License-Identifier: Apache-2.0
// What can be read off a certificate, and what is not one.
#include "sluice/certificate.hpp"

#include "support/certs.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

certificate first_of(const std::string& pem) { return certificate::from_pem(pem).value().front(); }

certificate issued(const testkit::leaf_options& options, const std::string& key = "ec256") {
  return first_of(root().issue(options, key).value().certificate);
}

TEST(certificates, report_subject_and_dates) {
  const auto now = std::chrono::system_clock::now();
  const auto one = issued({.common_name = "example.org", .certificate_authority_name = "Example, Ltd"});
  EXPECT_EQ(one.subject(), "CN=example.org,O=Example\\, Ltd");
  EXPECT_EQ(one.issuer(), "CN=Test Root");
  EXPECT_EQ(one.serial().size(), 32u);
  EXPECT_LT(one.not_before(), now);
  EXPECT_GT(one.not_after(), now + 29 * 24h);
  EXPECT_LT(one.not_after(), now + 31 * 24h);
  EXPECT_EQ(issued({}).subject(), "");
  EXPECT_EQ(issued({.common_name = "M\u00fcller"}).subject(), "CN=M\u00fcller");
}

TEST(certificates, say_their_names_by_type) {
  using kind = alternative_name::kind;
  const auto names =
      issued({.names = {"*.example.org", "192.0.2.1", "2001:db8::1", "URI:spiffe://a/b", "email:a@b.example"}}).names();
  ASSERT_EQ(names.size(), 5u);
  const std::pair<kind, const char*> expected[] = {{kind::dns, "*.example.org"},
                                                   {kind::ip, "192.0.2.1"},
                                                   {kind::ip, "2001:db8::1"},
                                                   {kind::uri, "spiffe://a/b"},
                                                   {kind::email, "a@b.example"}};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(names[i].type, expected[i].first);
    EXPECT_EQ(names[i].value, expected[i].second);
  }
  EXPECT_TRUE(issued({.common_name = "x"}).names().empty());
}

TEST(certificates, say_where_their_issuer_can_be_had) {
  const auto text = "caIssuers;URI:http://ca.example/ca.der,OCSP;URI:http://ocsp.example";
  const auto one = issued({.common_name = "x", .authority_information = text});
  EXPECT_EQ(one.issuer_urls(), std::vector<std::string>{"http://ca.example/ca.der"});
  EXPECT_TRUE(issued({.common_name = "x"}).issuer_urls().empty());
}

TEST(certificates, say_their_keys) {
  const std::pair<const char*, const char*> rows[] = {{"ec256", "ECDSA P-256"},
                                                      {"ec384", "ECDSA P-384"},
                                                      {"ec521", "ECDSA P-521"},
                                                      {"rsa2048", "RSA 2048"},
                                                      {"ed25519", "Ed25519"}};
  for (const auto& [type, text] : rows) EXPECT_EQ(issued({.common_name = "x"}, type).key(), text);
}

TEST(certificates, come_back_from_their_own_der_and_pem) {
  const auto one = first_of(site().certificate);
  const auto again = certificate::from_der(one.der()).value();
  EXPECT_EQ(again.sha256(), one.sha256());
  EXPECT_EQ(one.sha256().size(), 64u);
  EXPECT_EQ(first_of(one.to_pem()).sha256(), one.sha256());
  EXPECT_EQ(one.to_pem(), site().certificate);
  const auto key = testkit::local_key::from_pem(site().key).value().public_key();
  EXPECT_TRUE(std::ranges::equal(one.public_key(), key));
  EXPECT_FALSE(one.subject_der().empty());
}

TEST(certificates, that_are_none_are_malformed) {
  const auto one = first_of(site().certificate);
  std::vector<std::byte> longer(one.der().begin(), one.der().end());
  longer.push_back(std::byte(0));
  for (const auto& der : {std::vector<std::byte>(), std::vector<std::byte>(5), longer,
                          std::vector<std::byte>(one.der().begin(), one.der().end() - 1)}) {
    const auto made = certificate::from_der(der, "the place");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, make_error_code(errc::certificate_malformed));
    EXPECT_EQ(made.error().where, "the place");
  }
}

TEST(certificates, in_a_text_come_in_order_and_without_the_other_objects) {
  const auto all = certificate::from_pem(site().key + site().certificate + "text\n" + root().certificate()).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].subject(), "CN=localhost");
  EXPECT_EQ(all[1].subject(), "CN=Test Root");
  EXPECT_EQ(certificate::from_pem("", "empty.pem").error().code, make_error_code(errc::no_certificate));
  EXPECT_EQ(certificate::from_pem("", "empty.pem").error().where, "empty.pem");
  EXPECT_EQ(certificate::from_pem_file("/no/such.pem").error().code, make_error_code(errc::file_not_found));
}

TEST(certificates, in_a_text_with_one_object_that_is_broken_are_all_refused) {
  auto broken = root().certificate();
  broken[broken.find('\n') + 3] = '!';
  const auto made = certificate::from_pem(site().key + site().certificate + broken, "site.pem");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, make_error_code(errc::bad_pem));
  EXPECT_EQ(made.error().where, "site.pem: certificate 2 of 2");
}

TEST(certificates, match_hosts_by_dns_names_alone) {
  const auto one =
      issued({.common_name = "cn.example", .names = {"example.org", "*.example.net", "192.0.2.1", "DNS:192.0.2.9"}});
  for (const auto* host : {"example.org", "EXAMPLE.ORG", "a.example.net"}) EXPECT_TRUE(one.matches_host(host)) << host;
  for (const auto* host : {"cn.example", "www.example.org", "example.net", "a.b.example.net", "192.0.2.1", "192.0.2.9",
                           "", ".", ".example.org", "*.example.net", "example.org ", ".example.net"}) {
    EXPECT_FALSE(one.matches_host(host)) << host;
  }
  EXPECT_FALSE(one.matches_host({}));
  EXPECT_FALSE(one.matches_host(std::string_view("example.org\0", 12)));
  EXPECT_FALSE(one.matches_host(std::string_view("example.org\0.evil", 17)));
  EXPECT_TRUE(one.matches_host(std::string_view("example.org/path").substr(0, 11)));
}

TEST(certificates, match_addresses_by_ip_entries_alone) {
  const auto one = issued({.names = {"192.0.2.1", "2001:db8::1", "DNS:192.0.2.9"}});
  for (const auto* address : {"192.0.2.1", "2001:db8::1", "2001:DB8:0::0:1"})
    EXPECT_TRUE(one.matches_ip(address)) << address;
  for (const auto* address :
       {"192.0.2.2", "192.0.2.9", "::1", "example.org", "", "192.0.2.1.", "192.0.2.01", "3221225985"}) {
    EXPECT_FALSE(one.matches_ip(address)) << address;
  }
  EXPECT_FALSE(one.matches_ip(std::string_view("192.0.2.1\0x", 11)));
}

TEST(sha256, of_known_text_is_the_known_one) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace sluice::test
