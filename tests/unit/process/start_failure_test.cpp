// SPDX-License-Identifier: Apache-2.0
// An engine that does not start: an error for who asked, no end of the process, and a start when it can.
#include "support/child.hpp"
#include "support/flavour.hpp"

#include <s2n.h>

#include <gtest/gtest.h>

#include <optional>

namespace {

std::optional<int> start_fails;  // with this s2n_errno

}  // namespace

extern "C" {
int __real_s2n_init();
int __wrap_s2n_init() {
  if (!start_fails) return __real_s2n_init();
  s2n_errno = *start_fails;
  return S2N_FAILURE;
}
}

namespace sluice::test {
namespace {

constexpr int some_internal_error = S2N_ERR_T_INTERNAL << 26 | 5;

template <class Made>
void expect_not_started(const Made& made) {
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, (error_code{some_internal_error, s2n_category()}));
  EXPECT_EQ(made.error().where, "s2n-tls");
  EXPECT_FALSE(tls_library::is_started());
}

TEST(library_start, that_fails_is_an_error_and_may_be_tried_again) {
  in_child([] {
    start_fails = some_internal_error;
    for (int attempt = 0; attempt < 2; ++attempt) {
      expect_not_started(tls_library::start());
      expect_not_started(context::client({.trust = trust_root()}));
      expect_not_started(identity::from_pem(site().chain, site().key));
    }
    EXPECT_TRUE(tls_library::stop());
    start_fails.reset();
    pair p(client_context(), server_context());
    EXPECT_TRUE(p.handshake()) << why(p);
  });
}

}  // namespace
}  // namespace sluice::test
