// SPDX-License-Identifier: Apache-2.0
// Causes, codes and words: the whole table, and what each kind of code compares equal to.
#include "sluice/result.hpp"

#include "core/base/error_tables.hpp"
#include "sluice/certificate.hpp"
#include "sluice/connection.hpp"
#include "support/flavour.hpp"

#include <s2n.h>

#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace sluice::test {
namespace {

namespace sys = boost::system::errc;

struct row {
  errc cause;
  const char* name;
  const char* category;
};

// docs/design.md §5, row by row.
constexpr row table[] = {
    {errc::name_not_found, "name_not_found", "resolve"},
    {errc::resolver_failed, "resolver_failed", "resolve"},
    {errc::connection_refused, "refused", "connect"},
    {errc::unreachable, "unreachable", "connect"},
    {errc::connection_reset, "reset", "tls"},
    {errc::too_many_descriptors, "too_many_descriptors", "connect"},
    {errc::handshake_failed, "handshake_failed", "tls"},
    {errc::protocol_error, "protocol_error", "tls"},
    {errc::no_shared_parameters, "no_shared_parameters", "tls"},
    {errc::version_unsupported, "version_unsupported", "tls"},
    {errc::alpn_mismatch, "alpn_mismatch", "tls"},
    {errc::alert, "alert", "tls"},
    {errc::truncated, "truncated", "tls"},
    {errc::connection_closed, "closed", "tls"},
    {errc::not_ready, "not_ready", "tls"},
    {errc::timed_out, "timed_out", "tls"},
    {errc::cancelled, "cancelled", "tls"},
    {errc::key_unavailable, "key_unavailable", "tls"},
    {errc::key_refused, "key_refused", "tls"},
    {errc::key_timed_out, "key_timed_out", "tls"},
    {errc::signature_mismatch, "signature_mismatch", "tls"},
    {errc::ocsp_invalid, "ocsp_invalid", "tls"},
    {errc::internal, "internal", "tls"},
    {errc::out_of_memory, "out_of_memory", "tls"},
    {errc::untrusted, "untrusted", "certificate"},
    {errc::self_signed, "self_signed", "certificate"},
    {errc::wrong_purpose, "wrong_purpose", "certificate"},
    {errc::certificate_weak, "weak", "certificate"},
    {errc::chain_too_long, "chain_too_long", "certificate"},
    {errc::certificate_malformed, "malformed", "certificate"},
    {errc::certificate_missing, "missing", "certificate"},
    {errc::certificate_rejected, "rejected", "certificate"},
    {errc::name_mismatch, "name_mismatch", "certificate"},
    {errc::expired, "expired", "certificate"},
    {errc::not_yet_valid, "not_yet_valid", "certificate"},
    {errc::revoked, "revoked", "certificate"},
    {errc::revocation_unknown, "revocation_unknown", "certificate"},
    {errc::file_not_found, "file_not_found", "config"},
    {errc::file_unreadable, "file_unreadable", "config"},
    {errc::bad_pem, "bad_pem", "config"},
    {errc::bad_der, "bad_der", "config"},
    {errc::no_certificate, "no_certificate", "config"},
    {errc::no_private_key, "no_private_key", "config"},
    {errc::key_mismatch, "key_mismatch", "config"},
    {errc::password_needed, "password_needed", "config"},
    {errc::wrong_password, "wrong_password", "config"},
    {errc::unknown_policy, "unknown_policy", "config"},
    {errc::policy_conflict, "policy_conflict", "config"},
    {errc::bad_alpn, "bad_alpn", "config"},
    {errc::bad_uri, "bad_uri", "config"},
    {errc::bad_name, "bad_name", "config"},
    {errc::trust_store_empty, "trust_store_empty", "config"},
    {errc::unsupported_key, "unsupported_key", "config"},
    {errc::in_use, "in_use", "config"},
    {errc::invalid_argument, "usage", "config"},
    {errc::requirement_not_met, "requirement_not_met", "requirement"},
    {errc::verdict_failed, "verdict_failed", "requirement"},
    {errc::module_load_failed, "module_load_failed", "pkcs11"},
    {errc::symbol_missing, "symbol_missing", "pkcs11"},
    {errc::module_version_unsupported, "module_version_unsupported", "pkcs11"},
    {errc::token_not_found, "token_not_found", "pkcs11"},
    {errc::token_ambiguous, "token_ambiguous", "pkcs11"},
    {errc::key_not_found, "key_not_found", "pkcs11"},
    {errc::key_ambiguous, "key_ambiguous", "pkcs11"},
    {errc::key_type_unsupported, "key_type_unsupported", "pkcs11"},
    {errc::mechanism_unsupported, "mechanism_unsupported", "pkcs11"},
    {errc::pin_required, "pin_required", "pkcs11"},
    {errc::pin_final_try, "pin_final_try", "pkcs11"},
    {errc::pin_known_bad, "pin_known_bad", "pkcs11"},
    {errc::encoding_error, "encoding_error", "pkcs11"},
    {errc::queue_full, "queue_full", "pkcs11"},
    {errc::token_down, "token_down", "pkcs11"},
};

TEST(cause, has_the_name_and_category_of_the_table) {
  std::set<std::string> messages;
  for (const auto& r : table) {
    const auto code = make_error_code(r.cause);
    EXPECT_EQ(to_string(r.cause), r.name);
    EXPECT_EQ(code_name(code), r.name);
    EXPECT_EQ(category_name(code), r.category) << r.name;
    EXPECT_EQ(cause_of(code), r.cause) << r.name;
    EXPECT_TRUE(code) << r.name;
    EXPECT_NE(code.message(), "") << r.name;
    EXPECT_STREQ(code.category().name(), std::string(r.category) == "config" ? "sluice.config" : "sluice.tls")
        << r.name;
    messages.insert(code.message());
  }
  EXPECT_GE(messages.size(), std::size(table) - 1);  // a key's type may be unsupported in two places
}

TEST(cause, equals_its_own_code_and_no_other) {
  for (const auto& r : table) {
    for (const auto& other : table) {
      const bool is_key_trouble = std::string(r.category) == "pkcs11" || r.cause == errc::key_timed_out;
      const bool expected = r.cause == other.cause || (other.cause == errc::key_unavailable && is_key_trouble);
      EXPECT_EQ(make_error_code(r.cause) == other.cause, expected) << r.name << " == " << other.name;
    }
    EXPECT_FALSE(error_code() == r.cause) << r.name;
  }
}

int s2n_number(const std::string& name) {
  static const auto* numbers = [] {
    auto* made = new std::map<std::string, int>;
    for (int type = 0; type < 8; ++type) {
      for (int index = 0; index < 1024; ++index) {
        if (const char* found = s2n_strerror_name(type << 26 | index)) made->emplace(found, type << 26 | index);
      }
    }
    return made;
  }();
  return numbers->at(name);
}

TEST(s2n_code, equals_the_cause_of_its_row) {
  for (const auto& r : internal::s2n_rows()) {
    const error_code code(s2n_number(std::string(r.name)), s2n_category());
    EXPECT_TRUE(code == r.cause) << r.name;
    EXPECT_EQ(cause_of(code), r.cause) << r.name;
    EXPECT_EQ(code_name(code), to_string(r.cause)) << r.name;
    EXPECT_NE(code.message(), "") << r.name;
    EXPECT_EQ(category_name(code), category_name(make_error_code(r.cause))) << r.name;
  }
  EXPECT_STREQ(s2n_category().name(), "sluice.s2n");
}

TEST(s2n_code, without_a_row_is_judged_by_its_type) {
  const std::pair<int, errc> types[] = {
      {S2N_ERR_T_IO, errc::connection_reset}, {S2N_ERR_T_CLOSED, errc::connection_closed},
      {S2N_ERR_T_ALERT, errc::alert},         {S2N_ERR_T_PROTO, errc::protocol_error},
      {S2N_ERR_T_INTERNAL, errc::internal},   {S2N_ERR_T_USAGE, errc::invalid_argument},
      {S2N_ERR_T_BLOCKED, errc::internal}};
  for (const auto& [type, cause] : types) EXPECT_EQ(cause_of({type << 26 | 1000, s2n_category()}), cause) << type;
}

TEST(alert_code, is_an_alert_whatever_its_number) {
  for (int description = 1; description < 256; ++description) {
    const error_code code(description, alert_category());
    EXPECT_TRUE(code == errc::alert);
    EXPECT_EQ(code_name(code), "alert");
    EXPECT_EQ(category_name(code), "tls");
    EXPECT_EQ(code.message(),
              "the peer sent the alert " + std::string(alert_name(static_cast<std::uint8_t>(description))));
  }
  EXPECT_STREQ(alert_category().name(), "sluice.alert");
  EXPECT_EQ(alert_name(0), "close_notify");
  EXPECT_EQ(alert_name(40), "handshake_failure");
  EXPECT_EQ(alert_name(116), "certificate_required");
  EXPECT_EQ(alert_name(255), "unknown_255");
  EXPECT_EQ(alert_name(99), "unknown_99");
  EXPECT_EQ(alert_name(1), "unknown_1");
}

TEST(token_code, is_key_unavailable_and_keeps_its_name) {
  const std::pair<std::uint32_t, std::pair<const char*, errc>> rows[] = {
      {0x05, {"CKR_GENERAL_ERROR", errc::token_down}},
      {0x30, {"CKR_DEVICE_ERROR", errc::token_down}},
      {0x32, {"CKR_DEVICE_REMOVED", errc::token_down}},
      {0x60, {"CKR_KEY_HANDLE_INVALID", errc::key_not_found}},
      {0x70, {"CKR_MECHANISM_INVALID", errc::mechanism_unsupported}},
      {0xa0, {"CKR_PIN_INCORRECT", errc::pin_known_bad}},
      {0xa4, {"CKR_PIN_LOCKED", errc::key_unavailable}},
      {0xb0, {"CKR_SESSION_CLOSED", errc::key_unavailable}},
      {0x101, {"CKR_USER_NOT_LOGGED_IN", errc::pin_required}},
      {0x80000001, {"CKR_0x80000001", errc::key_unavailable}},
  };
  for (const auto& [value, expected] : rows) {
    const error_code code(static_cast<int>(value), pkcs11_category());
    EXPECT_EQ(code_name(code), expected.first);
    EXPECT_TRUE(code == expected.second) << expected.first;
    EXPECT_TRUE(code == errc::key_unavailable) << expected.first;
    EXPECT_EQ(category_name(code), "pkcs11");
    EXPECT_EQ(code.message(), std::string("the token answered ") + expected.first);
  }
  const error_code refused(0x68, pkcs11_category());
  EXPECT_TRUE(refused == errc::key_refused);
  EXPECT_FALSE(refused == errc::key_unavailable);
  EXPECT_STREQ(pkcs11_category().name(), "sluice.pkcs11");
}

TEST(system_code, equals_the_cause_it_stands_for) {
  const std::pair<error_code, errc> rows[] = {
      {sys::make_error_code(sys::connection_refused), errc::connection_refused},
      {sys::make_error_code(sys::connection_reset), errc::connection_reset},
      {sys::make_error_code(sys::broken_pipe), errc::connection_reset},
      {sys::make_error_code(sys::connection_aborted), errc::connection_reset},
      {sys::make_error_code(sys::timed_out), errc::timed_out},
      {sys::make_error_code(sys::operation_canceled), errc::cancelled},
      {sys::make_error_code(sys::host_unreachable), errc::unreachable},
      {sys::make_error_code(sys::network_unreachable), errc::unreachable},
      {sys::make_error_code(sys::no_such_file_or_directory), errc::file_not_found},
      {{ECONNREFUSED, boost::system::system_category()}, errc::connection_refused},
      {{ECONNRESET, boost::system::system_category()}, errc::connection_reset},
      {boost::asio::error::operation_aborted, errc::cancelled},
      {boost::asio::error::host_not_found, errc::name_not_found},
      {boost::asio::error::no_data, errc::name_not_found},
      {boost::asio::error::host_not_found_try_again, errc::resolver_failed},
      {boost::asio::error::no_recovery, errc::resolver_failed},
      {boost::asio::error::service_not_found, errc::resolver_failed},
      {boost::asio::error::eof, errc::connection_closed},
      {sys::make_error_code(sys::not_enough_memory), errc::out_of_memory},
  };
  for (const auto& [code, cause] : rows) {
    EXPECT_TRUE(code == cause) << code.message();
    EXPECT_EQ(cause_of(code), cause) << code.message();
  }
}

failure sample() {
  failure error;
  error.code = make_error_code(errc::expired);
  error.where = "site.pem: certificate 2 of 3";
  error.detail = "3 days ago";
  error.remedy = "renew it";
  return error;
}

TEST(failure_message, is_the_place_the_code_the_detail_and_the_remedy) {
  auto error = sample();
  EXPECT_EQ(error.message(), "site.pem: certificate 2 of 3: the certificate has expired: 3 days ago; renew it");
  error.detail.clear();
  EXPECT_EQ(error.message(), "site.pem: certificate 2 of 3: the certificate has expired; renew it");
  error.remedy.clear();
  error.where.clear();
  EXPECT_EQ(error.message(), "the certificate has expired");
  EXPECT_EQ(failure().message(), "no error");
}

TEST(usual_remedy, is_there_for_causes_that_have_one) {
  EXPECT_EQ(usual_remedy(errc::name_not_found), "check the spelling of the name");
  EXPECT_EQ(usual_remedy(errc::timed_out), "see whether the peer answers others, or allow more time");
  EXPECT_EQ(usual_remedy(errc::internal), "");
}

TEST(usual_remedy, is_that_of_a_failure_that_leaves_the_library_without_a_better_one) {
  EXPECT_EQ(make_failure(errc::file_not_found, "a.pem").remedy, "") << "make_failure() adds none";
  EXPECT_EQ(certificate::from_file("/nowhere/a.pem").error().remedy, usual_remedy(errc::file_not_found));
  EXPECT_EQ(certificate::from_der({}).error().remedy, usual_remedy(errc::certificate_malformed));
}

TEST(usual_remedy, is_that_of_a_failed_connection_unless_it_has_a_better_one) {
  const auto ctx = client_context();
  for (const auto* better : {"", "wait"}) {
    const auto tls = connection::failed(ctx, make_failure(errc::timed_out, "peer", "", better));
    EXPECT_EQ(tls.last_failure().remedy, *better == '\0' ? usual_remedy(errc::timed_out) : better);
  }
}

TEST(failure_category, of_a_reset_or_a_time_out_is_that_of_its_phase) {
  failure error;
  for (const auto cause : {errc::connection_reset, errc::timed_out, errc::connection_closed}) {
    error.code = make_error_code(cause);
    for (const auto& [at, category] : {std::pair(phase::resolve, "resolve"), std::pair(phase::connect, "connect"),
                                       std::pair(phase::handshake, "tls"), std::pair(phase::read, "tls")}) {
      error.at = at;
      EXPECT_EQ(error.category(), category);
    }
  }
}

TEST(result, throws_its_failure_with_every_word_of_it) {
  const result<int> failed = sample();
  try {
    failed.value();
    FAIL();
  } catch (const error& thrown) {
    EXPECT_STREQ(thrown.what(), sample().message().c_str());
    EXPECT_EQ(thrown.code(), make_error_code(errc::expired));
    EXPECT_EQ(thrown.why().where, "site.pem: certificate 2 of 3");
  }
  EXPECT_THROW(failed.value(), boost::system::system_error);
  EXPECT_EQ(result<int>(7).value(), 7);
}

TEST(phases, have_names) {
  const std::pair<phase, const char*> rows[] = {{phase::setup, "setup"},     {phase::resolve, "resolve"},
                                                {phase::connect, "connect"}, {phase::handshake, "handshake"},
                                                {phase::signing, "signing"}, {phase::read, "read"},
                                                {phase::write, "write"},     {phase::shutdown, "shutdown"}};
  for (const auto& [at, name] : rows) EXPECT_EQ(to_string(at), name);
}

}  // namespace
}  // namespace sluice::test
