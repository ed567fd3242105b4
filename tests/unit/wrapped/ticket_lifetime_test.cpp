// SPDX-License-Identifier: Apache-2.0
// What becomes of a ticket whose server gives no lifetime with it; ours always gives one, so s2n is made to say none.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include <s2n.h>

#include <gtest/gtest.h>

namespace {

bool gives_none = false;

}  // namespace

extern "C" {
int __real_s2n_session_ticket_get_lifetime(s2n_session_ticket*, uint32_t*);
int __wrap_s2n_session_ticket_get_lifetime(s2n_session_ticket* ticket, uint32_t* lifetime) {
  const int answer = __real_s2n_session_ticket_get_lifetime(ticket, lifetime);
  if (gives_none) *lifetime = 0;
  return answer;
}
}

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

struct noting_store final : session_store {
  void put(std::string_view, std::span<const std::byte>, std::chrono::seconds lifetime) override {
    lifetimes.push_back(lifetime);
  }
  std::optional<secret> take(std::string_view) override { return std::nullopt; }
  std::vector<std::chrono::seconds> lifetimes;
};

std::vector<std::chrono::seconds> lifetimes_of(tls_version version) {
  const auto store = std::make_shared<noting_store>();
  pair p(client_context({.versions = {version, version}, .sessions = store}),
         server_context({.tickets = ticket_options{.session_lifetime = 600s}}));
  EXPECT_TRUE(p.handshake());
  EXPECT_EQ(p.server_to_client("hello"), "hello");
  return store->lifetimes;
}

struct ticket_lifetime : ::testing::Test {
  ticket_lifetime() { gives_none = false; }
  ~ticket_lifetime() override { gives_none = false; }
};

using seconds = std::vector<std::chrono::seconds>;

TEST_F(ticket_lifetime, is_what_the_server_gives) {
  EXPECT_EQ(lifetimes_of(tls_version::tls1_2), seconds{600s});
  EXPECT_EQ(lifetimes_of(tls_version::tls1_3), seconds{600s});
}

// RFC 5077 §3.3: a lifetime of 0 is unspecified.
TEST_F(ticket_lifetime, left_open_in_tls_1_2_is_an_hour) {
  gives_none = true;
  EXPECT_EQ(lifetimes_of(tls_version::tls1_2), seconds{1h});
}

// RFC 8446 §4.6.1: a ticket with a lifetime of 0 should be discarded at once.
TEST_F(ticket_lifetime, of_nothing_in_tls_1_3_is_nothing) {
  gives_none = true;
  EXPECT_EQ(lifetimes_of(tls_version::tls1_3), seconds{0s});
}

}  // namespace
}  // namespace sluice::test
