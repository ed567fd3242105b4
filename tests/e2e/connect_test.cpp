// SPDX-License-Identifier: Apache-2.0
// async_connect: what it makes of a name and a port, and what it tells.
#include "e2e/names.hpp"
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/strand.hpp>

#include <memory>
#include <optional>

namespace sluice::test {
namespace {

// What async_connect completed with.
struct connected {
  std::optional<tcp_stream> stream;
  error_code ec;
  auto handler() {
    return [this](const error_code& e, tcp_stream s) {
      ec = e;
      stream.emplace(std::move(s));
    };
  }
  const failure& why() const { return stream->last_failure(); }
};

struct connect : ::testing::Test {
  const fake_name one_address{"localhost", {"127.0.0.1"}};  // most machines have ::1 for it as well
  asio::io_context io;
  acceptor in{io, loopback(), server_context({.alpn = {"h2", "http/1.1"}})};
  std::string port = std::to_string(in.local_endpoint().port());
  context tls = client_context({.blinding = blinding::off()});
  connected got;

  void SetUp() override { spawn(io, serve_echo(in)); }
  void TearDown() override {
    got.stream.reset();
    in.close();
    run(io);
  }
  template <class... Args>
  const error_code& to(Args&&... args) {
    got.stream.reset();
    async_connect(io, tls, std::forward<Args>(args)..., got.handler());
    EXPECT_TRUE(run_until(io, [this] { return got.stream.has_value(); }));
    return got.ec;
  }
};

// A link-local peer has a zone, a host out of a URL has brackets; neither is part of the name.
TEST_F(connect, takes_addresses_as_urls_and_link_local_peers_have_them) {
  acceptor on_ipv6(io, {asio::ip::address_v6::loopback(), 0}, server_context());
  spawn(io, serve_echo(on_ipv6));
  const auto port6 = std::to_string(on_ipv6.local_endpoint().port());
  for (const auto* host : {"::1", "[::1]", "::1%1", "[::1%1]", "[::1%251]"}) {
    EXPECT_FALSE(to(host, port6)) << host << ": " << got.why().message();
  }
  got.stream.reset();
  on_ipv6.close();
  EXPECT_EQ(to("127.0.0.1", port, connect_options{.server_name = "::1%lo"}), error_code()) << got.why().message();
}

// Each is refused before a name server is asked: the one there is here never answers.
TEST_F(connect, refuses_what_is_no_host_before_it_is_looked_up) {
  const slow_names none;
  const std::pair<const char*, const char*> rows[] = {
      {"b\xc3\xbc"
       "cher.example",
       "write the name in its xn-- form"},
      {"a..b", "a label of it is not letters, digits and hyphens"},
      {"localhost:443", "it is a host with a port; give the host alone, and the port by itself"},
      {"https://localhost/", "it is a URL; give the host alone, and the port by itself"},
      {"", "it is empty"}};
  for (const auto& [host, said] : rows) {
    EXPECT_EQ(to(host, port, connect_options{.timeout = 20s}), errc::bad_name) << host;
    EXPECT_NE(got.why().message().find(said), std::string::npos) << got.why().message();
    EXPECT_TRUE(got.why().where.starts_with("host")) << got.why().where;
    EXPECT_EQ(got.why().category(), "config");
  }
}

TEST_F(connect, tells_what_passed_where_the_handshake_is_kept) {
  tls = client_context({.blinding = blinding::off(), .record_transcript = true});
  connect_report report;
  EXPECT_FALSE(to("localhost", port, connect_options{.report = &report})) << got.why().message();
  ASSERT_FALSE(report.handshake.messages.empty());
  EXPECT_EQ(handshake_message_name(report.handshake.messages.front().type), "ClientHello");
  EXPECT_EQ(report.handshake.messages.size(), got.stream->transcript().messages.size());
  EXPECT_GT(report.handshake.verified.count(), 0);
  EXPECT_LE(report.handshake.verified, report.timings.handshake);
  EXPECT_TRUE(report.unverified_certificates.empty()) << "they were accepted";
}

TEST_F(connect, tells_the_chain_of_a_server_that_was_refused) {
  for (const bool keeps : {false, true}) {
    connect_report report;
    tls = client_context({.blinding = blinding::off(), .record_transcript = keeps});
    EXPECT_EQ(to("localhost", port, connect_options{.server_name = "other.example", .report = &report}),
              errc::name_mismatch);
    ASSERT_EQ(report.unverified_certificates.size(), 1u);
    EXPECT_EQ(report.unverified_certificates[0].subject(),
              certificate::from_pem(site().certificate)->front().subject());
    EXPECT_EQ(got.stream->unverified_certificates().size(), 1u);
    EXPECT_EQ(report.handshake.messages.empty(), !keeps);
    EXPECT_EQ(report.handshake.verified.count(), 0);
  }
}

TEST_F(connect, gives_an_established_stream_and_the_time_of_each_phase) {
  connect_report report;
  EXPECT_FALSE(to("localhost", port, connect_options{.report = &report})) << got.why().message();
  EXPECT_TRUE(got.stream->is_established());
  EXPECT_EQ(got.stream->info().server_name, "localhost");
  const auto& t = got.stream->timings();
  EXPECT_GT(t.resolve.count(), 0);
  EXPECT_GT(t.connect.count(), 0);
  EXPECT_GT(t.handshake.count(), 0);
  EXPECT_EQ(t.signing.count(), 0);
  EXPECT_EQ(report.timings.handshake, t.handshake);
  EXPECT_EQ(report.timings.resolve, t.resolve);
  ASSERT_EQ(report.attempts.size(), 1u);
  EXPECT_EQ(report.attempts[0].endpoint, in.local_endpoint());
  EXPECT_FALSE(report.attempts[0].error);
  EXPECT_GT(report.attempts[0].duration.count(), 0);
  EXPECT_FALSE(got.why().code);
  tcp::no_delay option;
  got.stream->lowest_layer().get_option(option);
  EXPECT_TRUE(option.value());
}

TEST_F(connect, takes_addresses_sends_no_server_name_for_them_and_checks_them) {
  EXPECT_FALSE(to("127.0.0.1", port)) << got.why().message();
  EXPECT_EQ(got.stream->info().server_name, "");
  EXPECT_EQ(to("127.0.0.2", port), errc::connection_refused);
  acceptor everywhere(io, tcp::endpoint(tcp::v6(), 0), server_context());
  const auto port6 = std::to_string(everywhere.local_endpoint().port());
  spawn(io, serve_echo(everywhere));
  EXPECT_FALSE(to("::1", port6)) << got.why().message();
  EXPECT_EQ(to("127.0.0.2", port6), errc::name_mismatch) << "the certificate is for 127.0.0.1";
  everywhere.close();
}

TEST_F(connect, checks_another_name_if_it_is_given) {
  EXPECT_FALSE(to("127.0.0.1", port, connect_options{.server_name = "localhost"})) << got.why().message();
  EXPECT_EQ(got.stream->info().server_name, "localhost");
  EXPECT_EQ(to("localhost", port, connect_options{.server_name = "other.test"}), errc::name_mismatch);
  EXPECT_EQ(got.why().where, "other.test");
  EXPECT_EQ(to("localhost", port, connect_options{.server_name = "no name"}), errc::bad_name);
}

TEST_F(connect, offers_the_protocols_it_is_given) {
  const alpn_list spdy_or_http{"spdy", "http/1.1"}, http{"http/1.1"}, nameless{""};
  EXPECT_FALSE(to("localhost", port, connect_options{.alpn = spdy_or_http})) << got.why().message();
  EXPECT_EQ(got.stream->info().alpn, "http/1.1");
  tls = client_context({.alpn = {"h2"}});
  EXPECT_FALSE(to("localhost", port));
  EXPECT_EQ(got.stream->info().alpn, "h2");
  EXPECT_FALSE(to("localhost", port, connect_options{.alpn = http}));
  EXPECT_EQ(got.stream->info().alpn, "http/1.1");
  EXPECT_EQ(to("localhost", port, connect_options{.alpn = nameless}), errc::bad_alpn);
}

TEST_F(connect, says_what_went_wrong_and_where) {
  EXPECT_EQ(to("nosuch.invalid", port), errc::name_not_found);
  EXPECT_EQ(got.why().at, phase::resolve);
  EXPECT_EQ(got.why().where, "nosuch.invalid:" + port);
  EXPECT_EQ(got.why().category(), "resolve");
  EXPECT_FALSE(got.stream->is_established() || got.stream->lowest_layer().is_open());

  EXPECT_EQ(to("try-again.invalid", port), errc::resolver_failed);

  tcp::acceptor unused(io, loopback());
  const auto closed_port = std::to_string(unused.local_endpoint().port());
  unused.close();
  EXPECT_EQ(to("127.0.0.1", closed_port), errc::connection_refused);
  EXPECT_EQ(got.ec, asio::error::connection_refused) << "the system's own code";
  EXPECT_EQ(got.why().at, phase::connect);
  EXPECT_EQ(got.why().where, "127.0.0.1:" + closed_port);
  EXPECT_EQ(got.why().category(), "connect");

  EXPECT_EQ(to("::1", closed_port), errc::connection_refused);
  EXPECT_EQ(got.why().where, "[::1]:" + closed_port) << "where the address ends and the port begins";

  EXPECT_EQ(to("224.0.0.1", port), errc::unreachable) << "TCP does not go to a multicast address";

  tls = client_context({.trust = trust::from_pem(site("rsa2048").certificate).value(), .blinding = blinding::off()});
  EXPECT_EQ(to("localhost", port), errc::untrusted);
  EXPECT_EQ(got.why().at, phase::handshake);
  EXPECT_EQ(got.why().where, "localhost");
}

TEST_F(connect, refuses_a_context_for_the_other_role) {
  tls = server_context();
  EXPECT_EQ(to("localhost", port), errc::invalid_argument);
}

TEST_F(connect, is_no_failed_handshake_for_an_observer_unless_it_came_so_far) {
  const auto watch = std::make_shared<counters>();
  tls = client_context({.blinding = blinding::off(), .observer = watch});
  to("nosuch.invalid", port);
  to("224.0.0.1", port);
  EXPECT_EQ(watch->snapshot().handshakes_failed, 0u);
  to("localhost", port, connect_options{.server_name = "other.test"});
  EXPECT_EQ(watch->snapshot().handshakes_failed, 1u);
}

asio::awaitable<void> by_throwing_token(context tls, failure& seen, bool& has_thrown) {
  try {
    auto s = co_await async_connect(tls, "nosuch.invalid", "443", {.failure = &seen}, asio::use_awaitable);
    ADD_FAILURE() << "connected";
  } catch (const boost::system::system_error& e) {
    has_thrown = true;
    EXPECT_EQ(e.code(), errc::name_not_found);
  }
}

TEST_F(connect, leaves_its_failure_where_a_token_throws) {
  failure seen;
  bool has_thrown = false;
  spawn(io, by_throwing_token(tls, seen, has_thrown));
  EXPECT_TRUE(run_until(io, [&] { return has_thrown; }));
  EXPECT_EQ(seen.code, errc::name_not_found);
  EXPECT_EQ(seen.where, "nosuch.invalid:443");
}

asio::awaitable<void> in_place(context tls, std::string port, bool& is_done) {
  const auto here = co_await asio::this_coro::executor;
  auto s = co_await async_connect(tls, "localhost", port);
  EXPECT_TRUE(s.get_executor() == here);
  auto [ec, t] = co_await async_connect(tls, "localhost", port, {.timeout = 20s}, use_tuple);
  EXPECT_FALSE(ec);
  EXPECT_TRUE(t.get_executor() == here);
  is_done = true;
}

TEST_F(connect, without_an_executor_uses_the_coroutines) {
  bool is_done = false;
  spawn(asio::make_strand(io), in_place(tls, port, is_done));
  EXPECT_TRUE(run_until(io, [&] { return is_done; }));
}

TEST_F(connect, puts_the_stream_on_the_executor_it_is_given) {
  const asio::any_io_executor strand = asio::make_strand(io);
  async_connect(strand, tls, "localhost", port, got.handler());
  ASSERT_TRUE(run_until(io, [this] { return got.stream.has_value(); }));
  EXPECT_FALSE(got.ec);
  EXPECT_TRUE(got.stream->get_executor() == strand);
  to("localhost", port);
  EXPECT_TRUE(got.stream->get_executor() == asio::any_io_executor(io.get_executor()));
}

TEST_F(connect, keeps_no_views_of_what_it_was_given) {
  auto host = std::make_unique<std::string>("localhost"), service = std::make_unique<std::string>(port),
       name = std::make_unique<std::string>("localhost");
  auto alpn = std::make_unique<alpn_list>(alpn_list{"http/1.1"});
  auto op = async_connect(io, tls, *host, *service, {.server_name = *name, .alpn = *alpn}, asio::deferred);
  for (auto* text : {&host, &service, &name}) {
    (*text)->assign((*text)->size(), '!');
    text->reset();
  }
  alpn->front().assign(alpn->front().size(), '!');
  alpn.reset();
  std::move(op)(got.handler());
  EXPECT_TRUE(run_until(io, [this] { return got.stream.has_value(); }));
  EXPECT_FALSE(got.ec) << got.why().message();
  EXPECT_EQ(got.stream->info().alpn, "http/1.1");
}

}  // namespace
}  // namespace sluice::test
