// SPDX-License-Identifier: Apache-2.0
// Stapled OCSP: asked for unless switched off, believed when good, and each bad one refused by its own name.
#include "testkit/authority/staple.hpp"
#include "support/flavour.hpp"
#include "support/records.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using testkit::ocsp_options;
using testkit::ocsp_response;
using status = ocsp_options::status;

struct stapled : ::testing::TestWithParam<flavour> {
  pair meeting(std::span<const std::byte> response, client_options client = {}) {
    return make_pair(GetParam(), std::move(client),
                     {.identities = {site_identity(GetParam().key_type).with_ocsp_response(response).value()}});
  }
  std::vector<std::byte> response(const ocsp_options& options = {}, const testkit::authority* responder = nullptr) {
    return ocsp_response(root(), site(GetParam().key_type).certificate, options, responder);
  }
  failure refusal_of(std::span<const std::byte> bytes) {
    auto p = meeting(bytes);
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().category(), "certificate");
    EXPECT_EQ(p.client.last_failure().at, phase::handshake);
    return p.client.last_failure();
  }
  // Its dates are not the certificate's.
  failure refusal_of_tls(std::span<const std::byte> bytes) {
    auto p = meeting(bytes);
    EXPECT_FALSE(p.handshake());
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::ocsp_invalid)) << why(p);
    return p.client.last_failure();
  }
};

TEST_P(stapled, good_response_is_accepted_and_reported) {
  auto p = meeting(response());
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_TRUE(p.client.info().ocsp_stapled);
}

TEST_P(stapled, response_may_be_missing) {
  auto p = meeting({});
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_FALSE(p.client.info().ocsp_stapled);
}

TEST_P(stapled, response_that_says_revoked_is_revoked) {
  const auto error = refusal_of(response({.says = status::revoked}));
  EXPECT_TRUE(error.code == errc::revoked) << error.message();
  EXPECT_EQ(error.engine, "S2N_ERR_CERT_REVOKED");
}

TEST_P(stapled, response_that_says_unknown_is_revocation_unknown) {
  const auto error = refusal_of(response({.says = status::unknown}));
  EXPECT_EQ(error.code, make_error_code(errc::revocation_unknown)) << error.message();
}

TEST_P(stapled, response_that_is_none_is_invalid) {
  const std::string garbage = "this is not an OCSP response";
  auto p = meeting(std::as_bytes(std::span(garbage)));
  EXPECT_FALSE(p.handshake());
  EXPECT_TRUE(p.client.last_failure().code == errc::ocsp_invalid) << why(p);
  EXPECT_EQ(p.client.last_failure().engine, "S2N_ERR_INVALID_OCSP_RESPONSE");
}

// s2n calls these "untrusted", "expired" and "invalid", which are words about the certificate.
TEST_P(stapled, response_that_does_not_hold_is_invalid_and_says_why) {
  static const auto stranger = testkit::authority::make_root("Stranger").value();
  using std::chrono::hours;
  const std::pair<std::vector<std::byte>, std::string> rows[] = {
      {response({}, &stranger), "the stapled response is signed by another authority, or about another certificate"},
      {ocsp_response(root(), device().certificate),
       "the stapled response is signed by another authority, or about another certificate"},
      {response({.age = hours(48), .validity = hours(-24)}), "the stapled response is out of date"},
      {response({.age = hours(-24), .validity = hours(48)}), "the stapled response is from the future"},
      {response({.response_status = 3}), "the stapled response says \"trylater\""},
  };
  for (const auto& [bytes, detail] : rows) {
    auto p = meeting(bytes);
    EXPECT_FALSE(p.handshake()) << detail;
    EXPECT_EQ(p.client.last_failure().code, make_error_code(errc::ocsp_invalid)) << why(p);
    EXPECT_EQ(p.client.last_failure().detail, detail);
    EXPECT_EQ(p.client.last_failure().category(), "tls");
  }
}

// Dates beyond what fits a clock of nanoseconds, in either direction of an overflow.
TEST_P(stapled, response_is_judged_by_its_dates_to_the_year_9999) {
  using std::chrono::hours;
  constexpr hours year(24 * 365);
  for (const auto years : {70, 140, 240, 300, 530, 600, 2000, 7900}) {
    auto lasting = meeting(response({.validity = year * years}));
    EXPECT_TRUE(lasting.handshake()) << years << ": " << why(lasting);
    EXPECT_TRUE(lasting.client.info().ocsp_stapled) << years;
    const auto later = refusal_of_tls(response({.age = -year * years, .validity = year * years + hours(1)}));
    EXPECT_EQ(later.detail, "the stapled response is from the future") << years;
  }
  for (const auto years : {70, 140, 240, 300, 530, 600, 1900}) {
    const auto older = refusal_of_tls(response({.age = year * years, .validity = -year * years + hours(24)}));
    EXPECT_EQ(older.detail, "the stapled response is out of date") << years;
  }
}

TEST_P(stapled, response_is_not_looked_at_when_switched_off) {
  for (const auto& bytes : {response(), response({.says = status::revoked})}) {
    auto p = meeting(bytes, {.ocsp = false});
    ASSERT_TRUE(p.handshake()) << why(p);
    EXPECT_FALSE(p.client.info().ocsp_stapled);
  }
}

// RFC 7633: such a certificate is worth nothing to who holds its key and nothing else.
TEST_P(stapled, response_that_the_certificate_promises_must_come) {
  const auto made =
      root()
          .issue({.common_name = "localhost", .names = {"localhost"}, .must_staple = true}, GetParam().key_type)
          .value();
  const auto id = identity::from_pem(made.chain, made.key).value();
  const auto good = id.with_ocsp_response(ocsp_response(root(), made.certificate)).value();
  auto with = make_pair(GetParam(), {}, {.identities = {good}});
  EXPECT_TRUE(with.handshake()) << why(with);
  EXPECT_TRUE(with.client.info().ocsp_stapled);

  auto without = make_pair(GetParam(), {}, {.identities = {id}});
  EXPECT_FALSE(without.handshake());
  const auto& refused = without.client.last_failure();
  EXPECT_EQ(refused.code, make_error_code(errc::revocation_unknown)) << why(without);
  EXPECT_EQ(refused.detail, "the certificate is good only with a stapled OCSP response (RFC 7633), and none came");
  EXPECT_EQ(refused.remedy, "have the server staple one, or ask for a certificate without that promise");
  EXPECT_EQ(refused.certificate, "CN=localhost");
  EXPECT_EQ(refused.from, origin::local);
  EXPECT_FALSE(without.client.is_established());

  auto unasked = make_pair(GetParam(), {.ocsp = false}, {.identities = {id}});
  EXPECT_TRUE(unasked.handshake()) << why(unasked);
}

// The next handshake of the same connection object is judged by its own certificate.
TEST_P(stapled, response_is_promised_by_one_certificate_alone) {
  const auto made = root().issue({.names = {"localhost"}, .must_staple = true}, GetParam().key_type).value();
  auto p = make_pair(GetParam(), {}, {.identities = {identity::from_pem(made.chain, made.key).value()}});
  EXPECT_FALSE(p.handshake());
  auto ordinary = make_pair(GetParam());
  p.client.reset({.server_name = "localhost", .alpn = {}});
  for (int turn = 0; turn < 10 && !p.client.is_established(); ++turn) {
    p.client.handshake(ordinary.client_io);
    ordinary.server.handshake(ordinary.server_io);
  }
  EXPECT_TRUE(p.client.is_established()) << why(p);
}

TEST_P(stapled, response_does_not_excuse_a_bad_certificate) {
  static const auto stranger = testkit::authority::make_root("Stranger").value();
  auto p = meeting(response(), {.trust = trust::from_pem(stranger.certificate()).value()});
  EXPECT_FALSE(p.handshake());
  EXPECT_TRUE(p.client.last_failure().code == errc::untrusted) << why(p);
}

INSTANTIATE_TEST_SUITE_P(ocsp, stapled, ::testing::ValuesIn(flavours), flavour_name);

bool asks(const client_options& options) {
  pair p(client_context(options), server_context());
  p.client.handshake(p.client_io);
  return client_hello_extension(text_of(p.to_server), status_request_extension).has_value();
}

TEST(ocsp, is_asked_for_unless_switched_off) {
  EXPECT_TRUE(asks({}));
  EXPECT_FALSE(asks({.ocsp = false}));
}

}  // namespace
}  // namespace sluice::test
