// SPDX-License-Identifier: Apache-2.0
// The same questions to any token. What it signs must verify, and every answer is written down; tests/tokens/run sets
// tokens up, says by the environment which one this is, and compares the answers with those in docs/hsm.md.
#include "support/certs.hpp"
#include "support/faulty.hpp"
#include "support/pair.hpp"

#include "core/x509/key_match.hpp"
#include "sluice/pkcs11/key.hpp"
#include "testkit/authority/authority.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace sluice::test {
namespace {

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

pkcs11::module_options module_settings() { return {.reserved = setting("SLUICE_TOKEN_RESERVED")}; }

std::string uri_for(const std::string& object) {
  pkcs11::uri u;
  u.token = setting("SLUICE_TOKEN_LABEL");
  if (!object.empty()) u.object = object;
  u.module_path = setting("SLUICE_TOKEN_MODULE");
  u.pin_source = "file:" + setting("SLUICE_TOKEN_PIN_FILE");
  return u.to_string();
}

// A line of the table in docs/hsm.md: what was asked, and "yes" or why not.
void report(const std::string& question, const std::string& answer) {
  auto line = question + '\t' + answer;
  std::ranges::replace(line, '\0', ' ');  // some tokens pad within their names
  std::ofstream(setting("SLUICE_TOKEN_REPORT"), std::ios::app) << line << '\n';
}

class token_suite : public testing::Test {
 protected:
  void SetUp() override {
    if (setting("SLUICE_TOKEN_MODULE").empty()) GTEST_FAIL() << "no token: run tests/tokens/run";
  }
  static pkcs11::token admin() {
    return pkcs11::token::open(uri_for(""), {.module = module_settings(), .is_read_write = true}).value();
  }
  static std::size_t sessions() { return static_cast<std::size_t>(std::stoul("0" + setting("SLUICE_TOKEN_SESSIONS"))); }
  static std::shared_ptr<pkcs11::key> open(const std::string& label) {
    return pkcs11::open_key(uri_for(label), {.module = module_settings(), .sessions = sessions()}).value();
  }
  // A key of that type, made once; nothing when the token cannot make one.
  static std::shared_ptr<pkcs11::key> key_of(pkcs11::key_type type) {
    const std::string label = "suite-" + std::string(to_string(type));
    if (auto k = pkcs11::open_key(uri_for(label), {.module = module_settings(), .sessions = sessions()})) return *k;
    const auto id = std::byte(static_cast<int>(type) + 1);
    const auto made = admin().generate_key(type, label, {&id, 1});
    return made ? open(label) : nullptr;
  }
  static certificate certificate_for(const pkcs11::key& k) {
    const auto issued =
        root().issue_for(k.public_key().value(), {.common_name = "localhost", .names = {"localhost"}}).value();
    return certificate::from_pem(issued.certificate).value().front();
  }
};

TEST_F(token_suite, is_what_it_says) {
  const auto t = admin();
  EXPECT_EQ(t.info().label, setting("SLUICE_TOKEN_LABEL"));
  EXPECT_TRUE(t.is_logged_in());
  report("manufacturer and model", t.info().manufacturer + ", " + t.info().model);
  report("sessions", t.info().max_sessions == 0 ? "no limit reported" : std::to_string(t.info().max_sessions));
}

TEST_F(token_suite, makes_keys_that_are_found_and_sign) {
  const std::pair<pkcs11::key_type, std::vector<signature_scheme>> kinds[] = {
      {pkcs11::key_type::ec256, {signature_scheme::ecdsa_secp256r1_sha256}},
      {pkcs11::key_type::ec384, {signature_scheme::ecdsa_secp384r1_sha384}},
      {pkcs11::key_type::ec521, {signature_scheme::ecdsa_secp521r1_sha512}},
      {pkcs11::key_type::rsa2048,
       {signature_scheme::rsa_pkcs1_sha256, signature_scheme::rsa_pkcs1_sha384, signature_scheme::rsa_pkcs1_sha512,
        signature_scheme::rsa_pss_rsae_sha256, signature_scheme::rsa_pss_rsae_sha384,
        signature_scheme::rsa_pss_rsae_sha512}},
      {pkcs11::key_type::rsa3072, {signature_scheme::rsa_pkcs1_sha256, signature_scheme::rsa_pss_rsae_sha256}},
      {pkcs11::key_type::rsa4096, {signature_scheme::rsa_pkcs1_sha256, signature_scheme::rsa_pss_rsae_sha256}}};
  int works = 0;
  for (const auto& [type, schemes] : kinds) {
    const auto name = std::string(to_string(type));
    const auto k = key_of(type);
    if (!k) {
      report("key " + name, "cannot be made");
      continue;
    }
    report("key " + name, k->public_key() ? "yes" : "yes, its public half is not reported");
    for (const auto scheme : schemes) {
      const auto request = request_for(scheme);
      const auto signature = k->sign(request);
      const auto question = name + " signs " + std::string(to_string(scheme));
      if (!signature) {
        report(question, code_name(signature.error().code));
        continue;
      }
      EXPECT_TRUE(internal::verifies(certificate_for(*k), scheme, request.digest(), *signature)) << question;
      report(question, "yes");
      ++works;
    }
  }
  EXPECT_GE(works, 3) << "this token is of no use";
}

TEST_F(token_suite, serves_tls) {
  for (const auto type : {pkcs11::key_type::ec256, pkcs11::key_type::rsa2048}) {
    const auto k = key_of(type);
    if (!k) continue;
    const auto cert = certificate_for(*k);
    const auto id = identity::from_chain(cert.to_pem(), k).value();
    const bool has_pss = k->sign(request_for(signature_scheme::rsa_pss_rsae_sha256)).has_value();
    for (const auto versions : {version_range{{}, tls_version::tls1_2}, version_range{tls_version::tls1_3, {}}}) {
      const bool is_tls13 = versions.min.has_value();
      pair p(client_context(), server_context({.identities = {id}, .versions = versions}));
      const bool done = p.handshake();
      const bool must_work = type == pkcs11::key_type::ec256 || has_pss;
      EXPECT_TRUE(done || !must_work) << p.server.last_failure().message() << p.client.last_failure().message();
      report(std::string(is_tls13 ? "TLS 1.3" : "TLS 1.2") + " with " + std::string(to_string(type)),
             done ? "yes" : code_name(p.server.last_failure().code));
      EXPECT_TRUE(!done || p.server_to_client("hello") == "hello");
    }
  }
}

TEST_F(token_suite, works_for_several_threads_at_once) {
  const auto k = key_of(pkcs11::key_type::ec256);
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10; ++n) failed += !k->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256));
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(k->stats().sessions_open, sessions());
  report("several sessions at once", sessions() > 1 ? "yes" : "one at a time");
}

TEST_F(token_suite, holds_certificates) {
  auto t = admin();
  const auto k = key_of(pkcs11::key_type::ec256);
  const std::byte id{1};
  t.remove("suite-cert", {});
  const auto put = t.import_certificate(certificate_for(*k), "suite-cert", {&id, 1});
  report("certificates", put ? "yes" : code_name(put.error().code));
  if (!put) return;
  const auto found = t.certificates().value();
  EXPECT_TRUE(
      std::ranges::any_of(found, [](const auto& c) { return c.label == "suite-cert" && c.parsed.size() == 1; }));
}

TEST_F(token_suite, takes_a_key_from_outside) {
  auto t = admin();
  t.remove("suite-import", {});
  const std::byte id{0x55};
  const auto local = testkit::local_key::generate("ec256").value();
  const auto put = t.import_key(local.numbers().value(), "suite-import", {&id, 1});
  report("importing keys", put ? "yes" : code_name(put.error().code));
  if (!put) return;
  EXPECT_TRUE(open("suite-import")->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
}

TEST_F(token_suite, refuses_a_wrong_pin_by_name) {
  testkit::scratch_folder folder;
  auto u = pkcs11::uri::parse(uri_for("suite-ec256")).value();
  u.pin_source = "file:" + folder.write("pin", "not-the-pin");
  // Every session of ours is closed by now, so the token wants the PIN again.
  const auto refused = pkcs11::open_key(u.to_string(), {.module = module_settings()});
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_name(refused.error().code), "CKR_PIN_INCORRECT") << refused.error().message();
}

TEST_F(token_suite, lists_what_is_on_it_when_a_key_is_missing) {
  key_of(pkcs11::key_type::ec256);
  const auto none = pkcs11::open_key(uri_for("no-such-key"), {.module = module_settings()});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::key_not_found);
  EXPECT_NE(none.error().detail.find("suite-ec256"), std::string::npos) << none.error().detail;
}

}  // namespace
}  // namespace sluice::test
