// SPDX-License-Identifier: Apache-2.0
// Texts in PEM as editors, mail and concatenation leave them: all of it is loaded, or nothing and the place is named.
#include "core/x509/pem.hpp"
#include "support/flavour.hpp"
#include "support/forms.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace sluice::test {
namespace {

std::string replaced(std::string text, const std::string& old, const std::string& with) {
  text.replace(text.find(old), old.size(), with);
  return text;
}

std::string with_crlf(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != text.npos; at += 2) text.replace(at, 1, "\r\n");
  return text;
}

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

const std::string begin = "-----BEGIN CERTIFICATE-----";
const std::string end = "-----END CERTIFICATE-----";

// The site, an authority, and last what the test makes of the root's certificate.
struct chain_of_three {
  explicit chain_of_three(const std::string& last) : text(site().certificate + middle().certificate() + last) {}
  static const testkit::authority& middle() {
    static const auto made = root().make_intermediate("Middle").value();
    return made;
  }
  std::string text;
  std::size_t third_line = lines(site().certificate + middle().certificate()) + 1;
};

void expect_bad(const std::string& text, const std::string& where, const std::string& detail) {
  const auto id = identity::from_pem(text, site().key);
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, make_error_code(errc::bad_pem)) << id.error().message();
  EXPECT_EQ(id.error().where, "certificate chain in memory" + where);
  EXPECT_EQ(id.error().detail, detail);
  const auto certificates = certificate::from_pem(text, "chain.pem");
  ASSERT_FALSE(certificates);
  EXPECT_EQ(certificates.error().where, "chain.pem" + where);
  EXPECT_EQ(certificates.error().detail, detail);
  EXPECT_EQ(trust::from_pem(text).error().code, make_error_code(errc::bad_pem));
}

void expect_odd_line(const std::string& text, std::size_t line) {
  expect_bad(text, "", "line " + std::to_string(line) + " should begin or end an object, and is damaged");
}

constexpr auto undecodable = "the text between BEGIN and END cannot be decoded";

TEST(pem, with_comments_blank_lines_and_any_line_end_is_loaded_whole) {
  const auto last = "\n\n   \n# the root, -----BEGIN of all trust-----\n- END of the comment\n" + root().certificate();
  const chain_of_three plain(last + "\ntrailing words\n");
  for (const auto& text : {plain.text, with_crlf(plain.text), replaced(plain.text, begin, begin + "  \t")}) {
    const auto all = certificate::from_pem(text);
    ASSERT_TRUE(all) << all.error().message();
    ASSERT_EQ(all->size(), 3u);
    EXPECT_EQ(all->at(0).subject(), "CN=localhost");
    EXPECT_EQ(all->at(1).subject(), "CN=Middle");
    EXPECT_EQ(all->at(2).subject(), "CN=Test Root");
    EXPECT_TRUE(identity::from_pem(text, with_crlf(site().key)));
  }
}

TEST(pem, with_bad_base64_in_the_third_certificate_is_not_loaded_at_all) {
  const auto good = root().certificate();
  const auto body = good.find('\n') + 1;
  for (const auto* insertion : {"*", "=", "q", "qqqqq\n", "\xc3\xa4"}) {
    auto bad = good;
    bad.insert(body + 30, insertion);
    expect_bad(chain_of_three(bad).text, ": certificate 3 of 3", undecodable);
    expect_bad(with_crlf(chain_of_three(bad).text), ": certificate 3 of 3", undecodable);
  }
}

TEST(pem, with_an_end_that_is_damaged_or_missing_is_not_loaded_at_all) {
  const auto good = root().certificate();
  for (const auto* other : {"-----END CERTIFICATE----", "-----END CERTIFICATE-----q", "-----END PRIVATE KEY-----", ""})
    expect_bad(chain_of_three(replaced(good, end, other)).text, ": certificate 3 of 3", undecodable);
}

// AWS-LC passes over such a line and with it over the whole certificate.
TEST(pem, with_a_beginning_that_is_damaged_or_missing_is_not_loaded_at_all) {
  const auto good = root().certificate();
  for (const auto* other : {"-----BEGIN CERTIFICATE----", "----BEGIN CERTIFICATE-----", "------BEGIN CERTIFICATE-----",
                            " ----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE", "-----BEGIN CERTIFICATE-----q"}) {
    const chain_of_three chain(replaced(good, begin, other));
    expect_odd_line(chain.text, chain.third_line);
    expect_odd_line(with_crlf(chain.text), chain.third_line);
  }
  const chain_of_three without(replaced(good, begin, ""));
  expect_odd_line(without.text, without.third_line + lines(good) - 1);
}

const std::string mark = "\xef\xbb\xbf";

TEST(pem, with_a_byte_order_mark_is_loaded_and_named_where_the_mark_is_in_the_middle) {
  EXPECT_TRUE(identity::from_pem(mark + site().chain, mark + site().key));
  EXPECT_TRUE(identity::from_memory(mark + site().chain, mark + site().key));
  EXPECT_TRUE(trust::from_pem(mark + root().certificate()));
  const chain_of_three chain(mark + root().certificate());
  expect_bad(chain.text, "", "line " + std::to_string(chain.third_line) + " begins with a byte order mark");
}

TEST(pem, with_two_objects_on_one_line_says_that_a_line_break_is_missing) {
  auto first = site().certificate;
  first.pop_back();
  const auto words = " ends one object and begins the next: a line break is missing between them";
  expect_bad(first + root().certificate(), "", "line " + std::to_string(lines(first) + 1) + words);
  const auto key = identity::from_pem(site().chain, first + site().key);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().detail, "line " + std::to_string(lines(first) + 1) + words);
}

TEST(pem, with_escaped_or_lost_line_breaks_says_so) {
  std::string escaped, flat;
  for (const char c : site().certificate) {
    escaped += c == '\n' ? "\\n" : std::string(1, c);
    flat += c == '\n' ? ' ' : c;
  }
  for (const auto& text : {escaped, '"' + escaped + '"', "tls.crt: \"" + escaped + "\"\n"}) {
    expect_bad(text, "", "line 1 has its line breaks written as \\n");
  }
  expect_bad("\n" + flat, "", "line 2 holds a whole object: its line breaks are lost");
}

TEST(pem, that_is_indented_says_so) {
  std::string indented = "    ";
  for (const char c : site().certificate) indented += c == '\n' ? std::string("\n    ") : std::string(1, c);
  expect_bad(indented, "", "line 1 is indented, where an object begins or ends");
  const auto good = root().certificate();
  for (const auto* blanks : {" ", "\t"}) {
    const chain_of_three chain(replaced(good, begin, blanks + begin));
    const auto line = "line " + std::to_string(chain.third_line);
    expect_bad(chain.text, "", line + " is indented, where an object begins or ends");
  }
}

TEST(pem, in_the_form_of_another_program_is_named_with_what_converts_it) {
  const std::string openssh =
      "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"
      "-----END OPENSSH PRIVATE KEY-----\n";
  for (const auto& made : {identity::from_pem(site().chain, openssh), identity::from_memory(site().chain, openssh)}) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, make_error_code(errc::unsupported_key));
    EXPECT_EQ(made.error().detail, "it is in OpenSSH's own form");
    EXPECT_EQ(made.error().remedy, "have a copy of it rewritten: `ssh-keygen -p -m PKCS8 -f FILE`");
  }
  const auto putty = identity::from_memory(site().chain, "PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\n");
  ASSERT_FALSE(putty);
  EXPECT_EQ(putty.error().detail, "it is in PuTTY's form");
}

TEST(pem, with_openssl_s_trust_settings_is_refused_by_name_and_without_them_loaded) {
  const auto settings = "0\x0a0\x08\x06\x06\x2b\x06\x01\x05\x05\x07";  // something behind the certificate
  const auto der = der_of(root().certificate());
  const auto pem = [](const std::string& bytes) {
    return internal::write_pem("TRUSTED CERTIFICATE", bytes.data(), bytes.size());
  };
  EXPECT_TRUE(trust::from_pem(pem(der)));
  const auto made = trust::from_pem(pem(der + settings), "ca.pem");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, make_error_code(errc::bad_pem));
  EXPECT_EQ(made.error().where, "ca.pem: certificate 1 of 1");
  EXPECT_EQ(made.error().detail, "it is a TRUSTED CERTIFICATE with settings of OpenSSL's, which are not followed here");
}

TEST(pem, with_the_issuer_above_the_leaf_says_where_the_leaf_is) {
  const auto text = chain_of_three::middle().certificate() + site().certificate;
  for (const auto& made : {identity::from_pem(text, site().key), identity::from_memory(text, site().key)}) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, make_error_code(errc::key_mismatch));
    EXPECT_EQ(made.error().detail, "the key is that of certificate 2 of 2, \"CN=localhost\"");
    EXPECT_EQ(made.error().remedy, "put that certificate first, and each issuer below what it signed");
  }
}

// As "Save as Unicode" and PowerShell's ">" leave it, with a byte order mark or without.
std::string widened(const std::string& text, bool is_little, bool has_mark) {
  std::string wide = !has_mark ? "" : is_little ? "\xff\xfe" : "\xfe\xff";
  for (const char c : text) wide += is_little ? std::string{c, '\0'} : std::string{'\0', c};
  return wide;
}

TEST(pem, in_utf_16_is_named_with_what_converts_it) {
  for (const bool is_little : {true, false}) {
    for (const bool has_mark : {true, false}) {
      const std::string name = has_mark ? "UTF-16" : is_little ? "UTF-16LE" : "UTF-16BE";
      const auto chain = widened("a comment\n" + site().chain, is_little, has_mark);
      const auto key = widened(site().key, is_little, has_mark);
      for (const auto& made : {identity::from_pem(chain, site().key), identity::from_memory(chain, site().key),
                               identity::from_pem(site().chain, key), identity::from_memory(site().chain, key)}) {
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code, make_error_code(errc::bad_pem));
        EXPECT_EQ(made.error().detail, "it is text in " + name + ", where PEM is ASCII");
        EXPECT_EQ(made.error().remedy, "convert it: `iconv -f " + name + " -t UTF-8`");
      }
      EXPECT_EQ(trust::from_pem(chain).error().detail, "it is text in " + name + ", where PEM is ASCII");
    }
  }
}

TEST(pem, of_a_key_with_a_damaged_mark_names_the_line) {
  const auto id =
      identity::from_pem(site().chain, site().certificate + replaced(site().key, "-----BEGIN", "----BEGIN"));
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, make_error_code(errc::bad_pem));
  EXPECT_EQ(id.error().where, "private key in memory");
  EXPECT_EQ(id.error().detail,
            "line " + std::to_string(lines(site().certificate) + 1) + " should begin or end an object, and is damaged");
}

TEST(import, of_the_same_certificate_again_and_again_works) {
  const auto first = site_identity();
  const auto second = identity::from_pem(site().chain, site().key).value();
  const server_options options{.identities = {first, first, second}};
  const auto one = server_context(options), other = server_context(options);
  for (const auto& server : {one, other, server_context({.identities = {first}})}) {
    pair p(client_context(), server);
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(p.client.verified_chain()[0].sha256(), first.leaf().sha256());
  }
  const auto twice = trust::from_pem(root().certificate() + root().certificate()).value();
  pair p(client_context({.trust = twice.with(twice)}), one);
  EXPECT_TRUE(p.handshake()) << why(p);
}

TEST(import, of_several_certificates_by_threads_at_once_mixes_nothing_up) {
  const std::string types[] = {"ec256", "ec384", "ec521", "rsa2048"};
  for (const auto& type : types) site(type);  // made before the threads are
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (std::size_t i = 0; i < 8; ++i) {
    threads.emplace_back([&good, type = types[i % 4]] {
      for (int round = 0; round < 20; ++round) {
        const auto id = identity::from_pem(site(type).chain, site(type).key);
        if (!id) return;
        pair p(client_context(), server_context({.identities = {*id}}));
        if (p.handshake() && p.client.verified_chain()[0].to_pem() == site(type).certificate) ++good;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(good, 160);
}

}  // namespace
}  // namespace sluice::test
