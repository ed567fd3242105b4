// SPDX-License-Identifier: Apache-2.0
// Dates beyond what a clock of nanoseconds can hold, and serial numbers that are not positive.
#include "support/certs.hpp"
#include "support/changed.hpp"
#include "support/pair.hpp"

#include "core/x509/diagnosis.hpp"

#include <openssl/asn1.h>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;

const testkit::leaf_options localhost{.common_name = "localhost", .names = {"localhost"}};

testkit::issued with_dates(const char* from, const char* until) {
  return changed(root(), localhost,
                 {.to =
                      [=](X509* x509) {
                        set_from(x509, from);
                        set_until(x509, until);
                      },
                  .sign = {}});
}

certificate parsed(const testkit::issued& one) { return certificate::from_pem(one.certificate).value().front(); }

TEST(certificate_dates, reach_the_year_9999) {
  for (const auto* until : {"22620412000000Z", "23000101000000Z", "25540721233434Z", "99991231235958Z"}) {
    const auto one = parsed(with_dates("260101000000Z", until));
    EXPECT_FALSE(one.has_no_end()) << until;
    EXPECT_GT(one.valid_until(), std::chrono::floor<std::chrono::seconds>(system_clock::time_point::max())) << until;
    EXPECT_GT(one.not_after(), system_clock::now() + 200 * 365 * 24h) << until;
    EXPECT_GT(one.not_after() - system_clock::now(), 0s) << until;
  }
}

TEST(certificate_dates, without_an_end_are_reported_as_such) {
  const auto one = parsed(with_dates("260101000000Z", "99991231235959Z"));
  EXPECT_TRUE(one.has_no_end());
  EXPECT_EQ(one.valid_until().time_since_epoch().count(), 253402300799);
  EXPECT_EQ(internal::date_text(one.valid_until()), "9999-12-31 23:59 UTC");
}

TEST(certificate_dates, before_the_clock_began_are_the_earliest_it_holds) {
  const auto one = parsed(with_dates("00010101000000Z", "99991231235959Z"));
  EXPECT_LT(one.valid_from().time_since_epoch(), -1500 * 365 * 24h);
  EXPECT_GT(system_clock::now() - one.not_before(), 100 * 365 * 24h);
}

TEST(certificate_dates, without_an_end_are_accepted_by_both_roles) {
  for (const auto version : {tls_version::tls1_2, tls_version::tls1_3}) {
    const auto endless = with_dates("260101000000Z", "99991231235959Z");
    const auto id = identity::from_pem(endless.chain, endless.key).value();
    pair p(client_context({.identity = id}), server_context({.identities = {id},
                                                             .client_auth = client_auth::required,
                                                             .trust = trust_root(),
                                                             .policy = {},
                                                             .versions = {version, version}}));
    EXPECT_TRUE(p.handshake()) << p.client.last_failure().message();
  }
}

TEST(certificate_dates, long_past_are_reported_in_days) {
  const auto old = with_dates("00010101000000Z", "16000101000000Z");
  pair p(client_context(), server_context({.identities = {identity::from_pem(old.chain, old.key).value()}}));
  EXPECT_FALSE(p.handshake());
  EXPECT_EQ(p.client.last_failure().code, errc::expired);
  EXPECT_TRUE(p.client.last_failure().detail.ends_with(" days ago (1600-01-01 00:00 UTC)"))
      << p.client.last_failure().detail;
}

TEST(serial_numbers, keep_their_sign_and_zero_is_one) {
  const auto with_serial = [](long number) {
    return parsed(
               changed(root(), localhost,
                       {.to = [=](X509* x509) { ASN1_INTEGER_set(X509_get_serialNumber(x509), number); }, .sign = {}}))
        .serial();
  };
  EXPECT_EQ(with_serial(-32767), "-7fff");
  EXPECT_EQ(with_serial(-1), "-01");
  EXPECT_EQ(with_serial(0), "00");
  EXPECT_EQ(with_serial(32767), "7fff");
}

}  // namespace
}  // namespace sluice::test
