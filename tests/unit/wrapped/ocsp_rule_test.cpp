// SPDX-License-Identifier: Apache-2.0
// "Failing to enable OCSP stapling fails the context, unless s2n types the failure as usage", for every type.
#include "support/flavour.hpp"
#include "support/records.hpp"
#include "support/watch.hpp"

#include <s2n.h>

#include <gtest/gtest.h>

#include <optional>

namespace {

// The type of error to fail with; nothing: s2n's own answer.
std::optional<int> check_fails, request_fails;
int requests = 0;

int fail_with(int type) {
  s2n_errno = type == S2N_ERR_T_OK ? 0 : type << 26 | 5;
  return S2N_FAILURE;
}

}  // namespace

extern "C" {
int __real_s2n_config_set_check_stapled_ocsp_response(s2n_config*, uint8_t);
int __wrap_s2n_config_set_check_stapled_ocsp_response(s2n_config* config, uint8_t check) {
  return check_fails ? fail_with(*check_fails) : __real_s2n_config_set_check_stapled_ocsp_response(config, check);
}
int __real_s2n_config_set_status_request_type(s2n_config*, s2n_status_request_type);
int __wrap_s2n_config_set_status_request_type(s2n_config* config, s2n_status_request_type type) {
  ++requests;
  return request_fails ? fail_with(*request_fails) : __real_s2n_config_set_status_request_type(config, type);
}
}

namespace sluice::test {
namespace {

constexpr int types[] = {S2N_ERR_T_OK,    S2N_ERR_T_IO,    S2N_ERR_T_CLOSED,   S2N_ERR_T_BLOCKED,
                         S2N_ERR_T_ALERT, S2N_ERR_T_PROTO, S2N_ERR_T_INTERNAL, S2N_ERR_T_USAGE};

struct ocsp_rule : ::testing::TestWithParam<int> {
  ocsp_rule() {
    check_fails.reset();
    request_fails.reset();
    requests = 0;
  }
  ~ocsp_rule() override {
    check_fails.reset();
    request_fails.reset();
  }
  void expect_refused(const client_options& options) {
    const auto made = context::client(options);
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().code);
    EXPECT_EQ(made.error().where, "OCSP stapling");
    if (GetParam() != S2N_ERR_T_OK) {
      EXPECT_EQ(made.error().code, (error_code{GetParam() << 26 | 5, s2n_category()}));
    } else {
      EXPECT_EQ(made.error().code, make_error_code(errc::internal));
    }
  }
  const client_options on{.trust = trust_root()};
  const client_options off{.trust = trust_root(), .ocsp = false};
};

TEST_P(ocsp_rule, a_failure_to_enable_the_check_fails_the_context_unless_it_is_usage) {
  check_fails = GetParam();
  if (GetParam() != S2N_ERR_T_USAGE) return expect_refused(on);
  const auto watch = std::make_shared<recorder>();
  pair p(context::client({.trust = trust_root(), .observer = watch}).value(), server_context());
  EXPECT_EQ(requests, 0);
  EXPECT_EQ(watch->warnings(), std::vector<std::string>{"OCSP stapling is not available in this build of the engine"});
  p.client.handshake(p.client_io);
  EXPECT_FALSE(client_hello_extension(text_of(p.to_server), status_request_extension));
  EXPECT_TRUE(p.handshake()) << why(p);
}

TEST_P(ocsp_rule, a_failure_to_ask_fails_the_context_whatever_it_is) {
  request_fails = GetParam();
  expect_refused(on);
}

TEST_P(ocsp_rule, a_failure_to_switch_it_off_fails_the_context_whatever_it_is) {
  check_fails = GetParam();
  expect_refused(off);
  check_fails.reset();
  request_fails = GetParam();
  expect_refused(off);
}

INSTANTIATE_TEST_SUITE_P(for_every_type, ocsp_rule, ::testing::ValuesIn(types));

}  // namespace
}  // namespace sluice::test
