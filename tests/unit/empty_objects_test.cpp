// SPDX-License-Identifier: Apache-2.0
// What was moved from is empty, and says so; a call that is refused leaves its failure.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace sluice::test {
namespace {

constexpr auto words = "it is empty: it was moved from";

template <class T>
T emptied(T object) {
  T taken(std::move(object));
  // NOLINTNEXTLINE(bugprone-use-after-move): the state it is left in
  return object;
}

struct nowhere final : transport {
  std::size_t read(std::span<std::byte>, error_code&) noexcept override { return 0; }
  std::size_t write(std::span<const std::byte>, error_code&) noexcept override { return 0; }
};

TEST(empty_objects, a_context_answers_and_its_connections_fail) {
  auto full = client_context();
  const auto taken = std::move(full);
  // NOLINTNEXTLINE(bugprone-use-after-move): the state it is left in
  EXPECT_EQ(full.side(), role::client);
  EXPECT_TRUE(full.policy().name.empty());
  EXPECT_TRUE(full.alpn().empty());
  EXPECT_TRUE(full.verifies());
  EXPECT_FALSE(full.observer());
  for (const auto side : {role::client, role::server}) {
    connection tls(full, side, "localhost");
    nowhere io;
    EXPECT_EQ(tls.handshake(io).error, errc::invalid_argument);
    EXPECT_EQ(tls.last_failure().where, "context");
    EXPECT_EQ(tls.last_failure().detail, words);
    EXPECT_EQ(tls.read(io, {}).error, errc::invalid_argument);
    EXPECT_EQ(tls.close_failed(io).next, want::nothing);
    EXPECT_TRUE(tls.verified_chain().empty());
    EXPECT_TRUE(tls.unverified_certificates().empty());
    EXPECT_FALSE(tls.selected_identity());
    EXPECT_FALSE(tls.has_buffered_input());
    tls.reset({.server_name = "localhost", .alpn = {}});
    EXPECT_EQ(tls.handshake(io).error, errc::invalid_argument);
  }
  EXPECT_EQ(connection::failed(full, {.code = make_error_code(errc::connection_closed)}).last_failure().code,
            errc::connection_closed);
}

TEST(empty_objects, a_connection_answers_every_call) {
  connection full(client_context(), role::client, "localhost");
  const auto taken = std::move(full);
  nowhere io;
  std::array<std::byte, 4> some{};
  const ::iovec part{some.data(), some.size()};
  // NOLINTNEXTLINE(bugprone-use-after-move): the state it is left in
  EXPECT_EQ(full.handshake(io).error, errc::invalid_argument);
  EXPECT_EQ(full.read(io, some).error, errc::invalid_argument);
  EXPECT_EQ(full.write(io, {&part, 1}).error, errc::invalid_argument);
  EXPECT_EQ(full.flush(io).error, errc::invalid_argument);
  EXPECT_EQ(full.shutdown(io).error, errc::invalid_argument);
  EXPECT_EQ(full.shutdown_write(io).error, errc::invalid_argument);
  EXPECT_EQ(full.request_key_update(), errc::invalid_argument);
  EXPECT_EQ(full.close_failed(io).next, want::nothing);
  EXPECT_EQ(full.last_failure().where, "connection");
  EXPECT_EQ(full.last_failure().detail, words);
  EXPECT_TRUE(full.has_failed());
  EXPECT_FALSE(full.is_established());
  EXPECT_TRUE(full.info().version.empty());
  EXPECT_FALSE(full.statistics().established);
  EXPECT_TRUE(full.verified_chain().empty());
  EXPECT_TRUE(full.unverified_certificates().empty());
  EXPECT_FALSE(full.selected_identity());
  EXPECT_TRUE(full.transcript().messages.empty());
  EXPECT_TRUE(full.unsent().empty());
  EXPECT_FALSE(full.has_buffered_input());
  EXPECT_EQ(full.signing_time().count(), 0);
  full.sent(0);
  full.release_buffers();
  full.fail({.code = make_error_code(errc::connection_closed)});
  full.expire_application_work();
  int called = 0;
  full.start_application_work(std::chrono::steady_clock::now(), [&called] { ++called; });
  EXPECT_EQ(called, 1);
  full.reset();
  EXPECT_TRUE(full.has_failed());
}

TEST(empty_objects, what_a_context_is_made_of_is_checked) {
  const auto no_identity = emptied(site_identity());
  EXPECT_TRUE(no_identity.chain().empty());
  EXPECT_FALSE(no_identity.key());
  EXPECT_EQ(no_identity.with_ocsp_response({}).error().code, errc::invalid_argument);
  const auto as_server = context::server({.identities = {no_identity}});
  ASSERT_FALSE(as_server);
  EXPECT_EQ(as_server.error().code, errc::invalid_argument);
  EXPECT_EQ(as_server.error().detail, words);
  EXPECT_EQ(context::client({.identity = no_identity, .trust = trust_root()}).error().code, errc::invalid_argument);
  EXPECT_EQ(context::client({.trust = emptied(trust_root())}).error().code, errc::trust_store_empty);
}

TEST(empty_objects, a_certificate_is_one_without_content) {
  const auto none = emptied(site_identity().leaf());
  EXPECT_TRUE(none.subject().empty());
  EXPECT_TRUE(none.names().empty());
  EXPECT_TRUE(none.der().empty());
  EXPECT_TRUE(none.public_key().empty());
  EXPECT_FALSE(none.matches_host("localhost"));
  EXPECT_FALSE(none.matches_ip("127.0.0.1"));
  EXPECT_EQ(none.not_after(), std::chrono::system_clock::time_point());
}

TEST(refused_calls, leave_their_failure_and_it_is_of_the_last_one) {
  pair p(client_context(), server_context({.versions = {{}, tls_version::tls1_2}}));
  std::array<std::byte, 4> some{};
  const ::iovec part{some.data(), some.size()};
  EXPECT_FALSE(p.client.last_failure().code);
  EXPECT_EQ(p.client.read(p.client_io, some).error, errc::not_ready);
  EXPECT_EQ(p.client.last_failure().code, errc::not_ready);
  EXPECT_EQ(p.client.last_failure().where, "localhost");
  EXPECT_EQ(p.client.last_failure().detail, "the handshake is not done");
  EXPECT_FALSE(p.client.has_failed());
  ASSERT_TRUE(p.handshake());
  EXPECT_EQ(p.client.request_key_update(), errc::version_unsupported);
  EXPECT_EQ(p.client.last_failure().code, errc::version_unsupported);
  EXPECT_EQ(p.client.last_failure().detail, "TLS 1.2 has no KeyUpdate");
  p.client.shutdown_write(p.client_io);
  EXPECT_EQ(p.client.write(p.client_io, {&part, 1}).error, std::errc::broken_pipe);
  EXPECT_EQ(p.client.last_failure().code, std::errc::broken_pipe);
  EXPECT_EQ(p.client.last_failure().detail, "close_notify went by");
  p.client.fail({.code = make_error_code(errc::timed_out)});
  EXPECT_EQ(p.client.last_failure().code, errc::timed_out) << "what ended it";
}

}  // namespace
}  // namespace sluice::test
