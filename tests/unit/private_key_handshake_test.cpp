// SPDX-License-Identifier: Apache-2.0
// Handshakes whose signatures come from elsewhere: every scheme, on both sides, right, wrong and late.
#include "support/flavour.hpp"
#include "support/signer.hpp"
#include "support/watch.hpp"

#include "sluice/pkcs11/key.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::test {
namespace {

using enum tls_version;
using namespace std::chrono_literals;

identity external(const signer_identity& generated) {
  return identity::from_chain(generated.chain, generated.key).value();
}

pair meeting(identity id, version_range versions, const std::string& policy = {}) {
  return {client_context(), server_context({.identities = {std::move(id)}, .policy = policy, .versions = versions})};
}

TEST(external_key, is_asked_for_the_scheme_of_its_type) {
  struct row {
    const char* type;
    tls_version version;
    signature_scheme scheme;
  };
  // RSA signs with PSS where the peer offers it, TLS 1.2 included. TLS 1.2 does not tie a curve to a hash.
  constexpr row rows[] = {
      {"ec256", tls1_3, signature_scheme::ecdsa_secp256r1_sha256},
      {"ec384", tls1_3, signature_scheme::ecdsa_secp384r1_sha384},
      {"ec521", tls1_3, signature_scheme::ecdsa_secp521r1_sha512},
      {"rsa2048", tls1_3, signature_scheme::rsa_pss_rsae_sha256},
      {"rsa3072", tls1_3, signature_scheme::rsa_pss_rsae_sha256},
      {"ec256", tls1_2, signature_scheme::ecdsa_secp256r1_sha256},
      {"ec384", tls1_2, signature_scheme::ecdsa_secp256r1_sha256},
      {"ec521", tls1_2, signature_scheme::ecdsa_secp256r1_sha256},
      {"rsa2048", tls1_2, signature_scheme::rsa_pss_rsae_sha256},
  };
  for (const auto& r : rows) {
    const auto generated = signer_site(r.type);
    auto p = meeting(external(generated), {r.version, r.version});
    ASSERT_TRUE(p.handshake()) << r.type << '\n' << why(p);
    ASSERT_EQ(generated.key->requests().size(), 1u);
    EXPECT_EQ(to_string(generated.key->requests()[0].scheme), to_string(r.scheme))
        << r.type << ' ' << to_string(r.version);
    EXPECT_EQ(p.client_to_server("hello"), "hello");
    EXPECT_GT(p.server.signing_time(), 0ns);
  }
}

TEST(external_key, signs_with_pkcs1_under_a_policy_without_pss) {
  const auto generated = signer_site("rsa2048");
  auto p = meeting(external(generated), {}, "ELBSecurityPolicy-FS-1-2-2019-08");
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(kind_of(generated.key->requests()[0].scheme), signature_kind::rsa_pkcs1);
  EXPECT_EQ(p.client_to_server("hello"), "hello");
}

TEST(external_key, may_live_in_a_token) {
  for (const auto* type : {"ec256", "ec384", "ec521", "rsa2048"}) {
    const auto& generated = token_site(type);
    const auto id = identity::from_chain(generated.chain, pkcs11::open_key(generated.key_uri).value()).value();
    for (const auto version : {tls1_2, tls1_3}) {
      auto p = meeting(id, {version, version});
      ASSERT_TRUE(p.handshake()) << type << '\n' << why(p);
      EXPECT_EQ(p.client_to_server("hello"), "hello");
      EXPECT_GT(p.server.signing_time(), 0ns);
    }
  }
}

TEST(external_key, stands_beside_one_in_memory) {
  const auto generated = signer_site("ec256");
  const auto server = server_context({.identities = {external(generated), site_identity("rsa2048")}});
  pair ec(client_context(), server);
  ASSERT_TRUE(ec.handshake()) << why(ec);
  EXPECT_EQ(ec.client.verified_chain()[0].key(), "ECDSA P-256");
  EXPECT_EQ(generated.key->requests().size(), 1u);

  const auto born_rsa = signer_site("rsa2048");
  const auto other = server_context({.identities = {external(born_rsa), site_identity("ec256")}});
  for (const auto version : {tls1_2, tls1_3}) {
    pair p(client_context({.versions = {version, version}}), other);
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(p.client.verified_chain()[0].key(), "ECDSA P-256");
    EXPECT_EQ(p.client_to_server("hello"), "hello");
    EXPECT_EQ(p.server.signing_time(), 0ns);
  }
  EXPECT_TRUE(born_rsa.key->requests().empty());
}

// STRICT: what does not verify with the certificate's key is found here and never sent.
TEST(external_key, that_signs_wrongly_is_found_out_before_the_peer_sees_it) {
  using answer = std::function<std::vector<std::byte>(const signer&, sign_request)>;
  const std::pair<const char*, answer> rows[] = {
      {"another digest",
       [](const signer& key, sign_request r) {
         r.input[0] ^= std::byte(1);
         return key.sign(r);
       }},
      {"one bit off",
       [](const signer& key, sign_request r) {
         auto s = key.sign(r);
         s.back() ^= std::byte(1);
         return s;
       }},
      {"nothing", [](const signer&, sign_request) { return std::vector<std::byte>(); }},
      {"rubbish", [](const signer&, sign_request) { return std::vector<std::byte>(64, std::byte(7)); }},
      {"too much", [](const signer&, sign_request) { return std::vector<std::byte>(1'000'000); }},
      {"another key's",
       [](const signer&, sign_request r) {
         r.scheme = signature_scheme::ecdsa_secp256r1_sha256;
         r.input_size = 32;
         return signer(device().key).sign(r);
       }},
  };
  for (const auto* type : {"ec256", "rsa2048"}) {
    for (const auto version : {tls1_2, tls1_3}) {
      for (const auto& [what, make] : rows) {
        const auto sign = [&make = make](const signer& key, const sign_request& r, signature_promise p) {
          p.set(make(key, r));
        };
        const auto generated = signer_site(type, sign);
        auto p = meeting(external(generated), {version, version});
        EXPECT_FALSE(p.handshake()) << what;
        const auto& error = p.server.last_failure();
        EXPECT_EQ(error.code, make_error_code(errc::signature_mismatch)) << what << ": " << error.message();
        EXPECT_EQ(error.where, "test:signer");
        EXPECT_EQ(error.at, phase::signing);
        EXPECT_FALSE(p.client.has_failed()) << "it was sent";
      }
    }
  }
}

TEST(external_key, of_a_client_that_signs_wrongly_is_found_out_at_the_client) {
  for (const auto version : {tls1_2, tls1_3}) {
    const auto key = std::make_shared<signer>(site().key, [](const signer& k, sign_request r, signature_promise p) {
      r.input[3] ^= std::byte(1);
      p.set(k.sign(r));
    });
    pair p(
        client_context({.identity = identity::from_chain(site().chain, key).value()}),
        server_context({.client_auth = client_auth::required, .trust = trust_root(), .versions = {version, version}}));
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::signature_mismatch)) << why(p);
    EXPECT_FALSE(p.server.has_failed());
  }
}

TEST(external_key, on_both_sides_at_once) {
  for (const auto version : {tls1_2, tls1_3}) {
    const auto server_key = signer_site("ec384");
    const auto client_key = signer_site("rsa2048");
    pair p(client_context({.identity = external(client_key)}), server_context({.identities = {external(server_key)},
                                                                               .client_auth = client_auth::required,
                                                                               .trust = trust_root(),
                                                                               .versions = {version, version}}));
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_EQ(server_key.key->requests().size(), 1u);
    EXPECT_EQ(client_key.key->requests().size(), 1u);
    EXPECT_EQ(p.server_to_client("hello"), "hello");
  }
}

TEST(external_key, is_waited_for_while_the_connection_moves) {
  held_request held;
  const auto generated = signer_site("ec256", held.behaviour());
  auto p = meeting(external(generated), {});
  p.client.handshake(p.client_io);
  ASSERT_EQ(p.server.handshake(p.server_io).next, want::application);
  p.server.start_application_work(std::chrono::steady_clock::time_point::max(), [] {});
  connection moved = std::move(p.server);
  held.take().set(generated.key->sign(held.request()));
  p.server = std::move(moved);
  ASSERT_TRUE(p.handshake()) << why(p);
}

TEST(external_key, that_is_late_fails_the_handshake_with_how_long_it_took) {
  held_request held;
  const auto generated = signer_site("ec256", held.behaviour());
  const auto watch = std::make_shared<recorder>();
  pair p(client_context(), server_context({.identities = {external(generated)}, .observer = watch}));
  p.client.handshake(p.client_io);
  ASSERT_EQ(p.server.handshake(p.server_io).next, want::application);
  p.server.start_application_work(std::chrono::steady_clock::now(), [] {});
  p.server.expire_application_work();
  EXPECT_EQ(p.server.last_failure().code, make_error_code(errc::key_timed_out));
  EXPECT_TRUE(p.server.last_failure().detail.starts_with("no answer for ")) << p.server.last_failure().detail;
  ASSERT_EQ(watch->handshakes().size(), 1u);
  EXPECT_EQ(watch->handshakes()[0].error->code, make_error_code(errc::key_timed_out));
  EXPECT_GT(watch->handshakes()[0].signing, 0ns);
}

TEST(external_key, serves_many_connections_on_many_threads) {
  const auto& generated = token_site("ec256");
  const auto server = server_context(
      {.identities = {identity::from_chain(generated.chain, pkcs11::open_key(generated.key_uri).value()).value()}});
  const auto client = client_context();
  std::atomic<int> succeeded{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 8; ++round) {
        pair p(client, server);
        if (p.handshake() && p.client_to_server("x") == "x") ++succeeded;
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(succeeded, 32);
}

TEST(external_key, that_throws_when_asked_for_its_name_fails_the_handshake_and_no_more) {
  struct nameless final : private_key {
    explicit nameless(std::shared_ptr<private_key> k) : inner(std::move(k)) {}
    void start(const sign_request& request, signature_promise promise) override {
      inner->start(request, std::move(promise));
    }
    std::optional<std::vector<std::byte>> public_key() const override { return inner->public_key(); }
    std::string name() const override { throw std::runtime_error("it has lost its name"); }
    std::shared_ptr<private_key> inner;
  };
  const auto generated = signer_site("ec256");
  auto p = meeting(identity::from_chain(generated.chain, std::make_shared<nameless>(generated.key)).value(), {});
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.server.last_failure().code, errc::key_unavailable) << why(p);
  EXPECT_EQ(p.server.last_failure().detail, "it has lost its name");
}

}  // namespace
}  // namespace sluice::test
