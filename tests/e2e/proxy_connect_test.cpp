// SPDX-License-Identifier: Apache-2.0
// proxy_connect(): HTTP's CONNECT and SOCKS 5, what proxies reject, and what runs inside the tunnel.
#include "e2e/scripted.hpp"

#include "sluice/asio/proxy_connect.hpp"
#include "sluice/asio/starttls.hpp"

namespace sluice::test {
namespace {

using namespace std::string_literals;

const std::string http_request = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n";
const std::string http_ok = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";
const std::string socks_request = "\5\1\0\3\x0b"s + "example.org\1\xbb";
const std::string socks_ok = "\5\0\0\1\x7f\0\0\1\0\1"s;

proxy_options to_example(proxy_protocol protocol) { return {.protocol = protocol, .host = "example.org"}; }
std::shared_ptr<prelude> http_proxy() { return proxy_connect(to_example(proxy_protocol::http_connect)).value(); }
std::shared_ptr<prelude> socks_proxy() { return proxy_connect(to_example(proxy_protocol::socks5)).value(); }

script http_agreement() { return {{http_request, http_ok}}; }
script socks_agreement() { return {{"\5\1\0"s, "\5\0"s}, {socks_request, socks_ok}}; }

struct proxy_connect_by : ::testing::TestWithParam<proxy_protocol>, scripted_server {
  bool is_http = GetParam() == proxy_protocol::http_connect;
  std::shared_ptr<prelude> speaker = is_http ? http_proxy() : socks_proxy();
  script steps = is_http ? http_agreement() : socks_agreement();
};
INSTANTIATE_TEST_SUITE_P(protocols, proxy_connect_by,
                         ::testing::Values(proxy_protocol::http_connect, proxy_protocol::socks5), [](const auto& info) {
                           return info.param == proxy_protocol::http_connect ? "http_connect"s : "socks5"s;
                         });

TEST_P(proxy_connect_by, agreement_is_followed_by_tls) {
  start(*speaker, steps, {.session_port = 443});
  EXPECT_FALSE(wait().code) << stream->last_failure().message();
  EXPECT_TRUE(stream->is_established());
}

TEST_P(proxy_connect_by, bytes_after_the_agreement_are_rejected) {
  start(*speaker, ending_with(steps, steps.back().answer + "\x16\x03\x03injected"));
  const auto& failed = wait();
  EXPECT_EQ(failed.code, errc::protocol_error);
  EXPECT_EQ(failed.detail, "it sent plaintext after the agreement to begin TLS: \"...injected\"");
  EXPECT_EQ(failed.where, "localhost:" + port());
}

TEST_P(proxy_connect_by, truncated_answer_is_reported) {
  const auto& whole = steps.back().answer;
  EXPECT_EQ(speak(*speaker, ending_with(steps, whole.substr(0, whole.size() - 1))).code, asio::error::eof);
}

TEST_P(proxy_connect_by, missing_answer_ends_at_the_deadline) {
  start(*speaker, ending_with(steps, ""), {.timeout = 100ms});
  EXPECT_EQ(wait().code, errc::timed_out);
}

TEST_P(proxy_connect_by, missing_answer_ends_by_a_cancellation) {
  start(*speaker, ending_with(steps, ""));
  EXPECT_TRUE(run_until(io, [this] { return reached == steps.size(); }));
  stop.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(wait().code, asio::error::operation_aborted);
}

// The proxy's agreement and the server's greeting come in one segment.
TEST_P(proxy_connect_by, starttls_runs_inside_the_tunnel) {
  auto options = to_example(GetParam());
  options.then = starttls(starttls_protocol::smtp).value();
  steps.back().answer += "220 ready\r\n";
  steps.push_back({"EHLO [127.0.0.1]\r\n", "250-mail.test\r\n250 STARTTLS\r\n"});
  steps.push_back({"STARTTLS\r\n", "220 go ahead\r\n"});
  const auto both = proxy_connect(std::move(options)).value();
  start(*both, steps);
  EXPECT_FALSE(wait().code) << stream->last_failure().message();
  EXPECT_EQ(reached, steps.size());
}

TEST_P(proxy_connect_by, failure_inside_the_tunnel_names_the_server) {
  auto options = to_example(GetParam());
  options.then = starttls(starttls_protocol::smtp).value();
  const auto both = proxy_connect(std::move(options)).value();
  auto failed = speak(*both, ending_with(steps, steps.back().answer + "554 no\r\n"));
  EXPECT_EQ(failed.code, errc::handshake_failed);
  EXPECT_EQ(failed.where, "example.org:443");
  failed = speak(*both, ending_with(steps, steps.back().answer + "220"));
  EXPECT_EQ(failed.code, asio::error::eof);
  EXPECT_EQ(failed.where, "example.org:443");
}

TEST_P(proxy_connect_by, exception_inside_the_tunnel_is_a_failure) {
  struct throwing final : prelude {
    asio::awaitable<failure> speak(tcp::socket&) override { throw std::runtime_error("unheard of"); }
  };
  auto options = to_example(GetParam());
  options.then = std::make_shared<throwing>();
  const auto failed = speak(*proxy_connect(std::move(options)).value(), steps);
  EXPECT_EQ(failed.code, errc::internal);
  EXPECT_EQ(failed.detail, "unheard of");
}

TEST_P(proxy_connect_by, one_proxy_leads_to_the_next) {
  auto options = to_example(GetParam());
  options.then = socks_proxy();
  auto both = steps;
  for (const auto& one : socks_agreement()) both.push_back(one);
  EXPECT_FALSE(speak(*proxy_connect(std::move(options)).value(), both).code);
}

TEST(proxy_connect_by_http, rejection_is_reported_with_the_answer) {
  const auto proxy = http_proxy();
  const auto failed = speak(*proxy, {{http_request,
                                      "HTTP/1.1 403 For\x1b"
                                      "bidden\r\nA: b\r\n\r\n"}});
  EXPECT_EQ(failed.code, errc::connection_refused);
  EXPECT_EQ(failed.detail, "it does not connect to example.org:443: it answers \"HTTP/1.1 403 For.bidden\"");
  EXPECT_EQ(failed.remedy, "see the proxy's log and its rules");
  EXPECT_EQ(failed.where, "");

  for (const std::string answer : {"SSH-2.0-x\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/2\r\n"}) {
    const auto other = speak(*proxy, {{http_request, answer + "\r\n"}});
    EXPECT_EQ(other.code, errc::handshake_failed);
    EXPECT_EQ(other.from, origin::peer);
    EXPECT_TRUE(other.detail.starts_with("it does not speak HTTP: it answers \"" + answer.substr(0, 6)));
  }
}

TEST(proxy_connect_by_http, user_and_password_are_sent_by_basic_authentication) {
  auto options = to_example(proxy_protocol::http_connect);
  options.user = "Aladdin";
  options.password = secret("open sesame");
  const auto proxy = proxy_connect(std::move(options)).value();
  // The example of RFC 7617 §2.
  const auto request = http_request.substr(0, http_request.size() - 2) +
                       "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
  EXPECT_FALSE(speak(*proxy, {{request, http_ok}}).code);

  const auto failed = speak(*proxy, {{request, "HTTP/1.1 407 No\r\n\r\n"}});
  EXPECT_EQ(failed.code, errc::connection_refused);
  EXPECT_EQ(failed.remedy, "see whether user and password are right, and whether it takes Basic authentication");
  EXPECT_EQ(failed.message().find("sesame"), std::string::npos);
}

TEST(proxy_connect_by_http, missing_user_has_the_remedy_of_the_program) {
  const script steps = {{http_request, "HTTP/1.1 407 No\r\n\r\n"}};
  EXPECT_EQ(speak(*http_proxy(), steps).remedy, "set a user and a password for the proxy");
  auto options = to_example(proxy_protocol::http_connect);
  options.authentication_remedy = "set PROXY_USER";
  const auto failed = speak(*proxy_connect(std::move(options)).value(), steps);
  EXPECT_EQ(failed.code, errc::connection_refused);
  EXPECT_EQ(failed.remedy, "set PROXY_USER");
}

TEST(proxy_connect_by_http, interim_responses_are_skipped) {
  EXPECT_FALSE(speak(*http_proxy(), {{http_request, "HTTP/1.1 102 Processing\r\nA: b\r\n\r\n" + http_ok}}).code);
}

TEST(proxy_connect_by_http, length_of_lines_and_headers_is_limited) {
  auto failed = speak(*http_proxy(), {{http_request, "HTTP/1.1 200 " + std::string(9000, 'a')}});
  EXPECT_EQ(failed.code, errc::handshake_failed);
  EXPECT_EQ(failed.detail, "it sends a line without an end: \"HTTP/1.1 200 " + std::string(187, 'a') + "\"…");
  std::string answer = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 201; ++i) answer += "A: " + std::to_string(i) + "\r\n";
  failed = speak(*http_proxy(), {{http_request, answer + "\r\n"}});
  EXPECT_EQ(failed.code, errc::handshake_failed);
  EXPECT_EQ(failed.detail, "it answers without end");
}

TEST(proxy_connect_by_http, addresses_are_sent_as_a_url_has_them) {
  for (const std::string host : {"2001:db8::1", "[2001:db8::1]"}) {
    const auto proxy = proxy_connect({.host = host, .port = 8443}).value();
    const auto request = "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n";
    EXPECT_FALSE(speak(*proxy, {{request, http_ok}}).code);
  }
}

TEST(proxy_connect_by_socks5, user_and_password_are_sent_if_the_proxy_chooses_so) {
  auto options = to_example(proxy_protocol::socks5);
  options.user = "alice";
  options.password = secret("se:cret");
  const auto proxy = proxy_connect(std::move(options)).value();
  const scripted_step greeting = {"\5\2\0\2"s, "\5\2"s};
  EXPECT_FALSE(speak(*proxy, {greeting, {"\1\5alice\7se:cret"s, "\1\0"s}, {socks_request, socks_ok}}).code);
  EXPECT_FALSE(speak(*proxy, {{"\5\2\0\2"s, "\5\0"s}, {socks_request, socks_ok}}).code);

  const auto failed = speak(*proxy, {greeting, {"\1\5alice\7se:cret"s, "\1\1"s}});
  EXPECT_EQ(failed.code, errc::connection_refused);
  EXPECT_EQ(failed.detail, "it does not accept the user \"alice\" with that password");
  EXPECT_EQ(failed.message().find("se:cret"), std::string::npos);

  const auto none = speak(*proxy, {{"\5\2\0\2"s, "\5\xff"s}});
  EXPECT_EQ(none.code, errc::connection_refused);
  EXPECT_EQ(none.remedy, "see which methods it allows");
}

TEST(proxy_connect_by_socks5, missing_user_has_the_remedy_of_the_program) {
  for (const auto& method : {"\5\xff"s, "\5\2"s}) {
    auto options = to_example(proxy_protocol::socks5);
    options.authentication_remedy = "set PROXY_USER";
    const auto failed = speak(*proxy_connect(std::move(options)).value(), {{"\5\1\0"s, method}});
    EXPECT_EQ(failed.code, errc::connection_refused);
    EXPECT_EQ(failed.detail, "it requires an authentication method that is not supported");
    EXPECT_EQ(failed.remedy, "set PROXY_USER");
  }
}

TEST(proxy_connect_by_socks5, rejection_is_reported_by_its_code) {
  const auto fails_with = [](char code) {
    auto answer = socks_ok;
    answer[1] = code;
    return speak(*socks_proxy(), ending_with(socks_agreement(), answer));
  };
  auto failed = fails_with(2);
  EXPECT_EQ(failed.code, errc::connection_refused);
  EXPECT_EQ(failed.detail, "it does not connect to example.org:443: its rules do not allow it");
  for (const char code : {'\3', '\4', '\6'}) EXPECT_EQ(fails_with(code).code, errc::unreachable);
  failed = fails_with('\xc8');
  EXPECT_EQ(failed.code, errc::connection_refused);
  EXPECT_EQ(failed.detail, "it does not connect to example.org:443: it answers 200");

  failed = speak(*socks_proxy(), {{"\5\1\0"s, "HTTP/1.1 400"}});
  EXPECT_EQ(failed.code, errc::handshake_failed);
  EXPECT_EQ(failed.detail, "it does not speak SOCKS 5: it answers \"HT\"");
}

TEST(proxy_connect_by_socks5, bound_address_of_any_type_is_skipped) {
  for (const auto& bound : {"\3\4name\0\1"s, "\3\0\0\1"s, "\4"s + std::string(18, '\7')}) {
    EXPECT_FALSE(speak(*socks_proxy(), ending_with(socks_agreement(), "\5\0\0"s + bound)).code);
  }
  const auto failed = speak(*socks_proxy(), ending_with(socks_agreement(), "\5\0\0\2\0\0\0\0\0\0"s));
  EXPECT_EQ(failed.code, errc::handshake_failed);
  EXPECT_EQ(failed.detail, "it answers with an address of a type that SOCKS 5 does not have");
}

TEST(proxy_connect_by_socks5, names_and_addresses_are_sent_by_their_types) {
  const auto connects = [](const std::string& host, const std::string& destination) {
    const auto proxy = proxy_connect({.protocol = proxy_protocol::socks5, .host = host, .port = 8443}).value();
    const auto failed = speak(*proxy, {{"\5\1\0"s, "\5\0"s}, {"\5\1\0"s + destination + "\x20\xfb", socks_ok}});
    EXPECT_FALSE(failed.code) << host;
  };
  connects("192.0.2.1", "\1\xc0\0\2\1"s);
  const auto ipv6 = "\4\x20\1\x0d\xb8"s + std::string(11, '\0') + "\1";
  connects("2001:db8::1", ipv6);
  connects("[2001:db8::1]", ipv6);
  connects("example.org.",
           "\3\x0c"
           "example.org."s);
  std::string longest;
  for (int i = 0; i < 84; ++i) longest += "ab.";
  longest += 'c';  // 253 bytes
  connects(longest, "\3\xfd"s + longest);
}

void expect_wrong_option(proxy_options options, errc code, const std::string& where) {
  const auto made = proxy_connect(std::move(options));
  ASSERT_FALSE(made.has_value()) << where;
  EXPECT_EQ(made.error().code, code);
  EXPECT_EQ(made.error().where, where);
  EXPECT_FALSE(made.error().detail.empty());
  EXPECT_EQ(made.error().message().find("s3cret"), std::string::npos);
}

TEST(proxy_connect_options, host_and_port_are_checked) {
  expect_wrong_option({}, errc::invalid_argument, "proxy_options::host");
  expect_wrong_option({.host = "example.org", .port = 0}, errc::invalid_argument, "proxy_options::port");
  expect_wrong_option({.host = "a\r\nHost: b"}, errc::bad_name, "server name \"a\r\nHost: b\"");
  expect_wrong_option({.host = "fe80::1%eth0"}, errc::bad_name, "server name \"fe80::1%eth0\"");
  EXPECT_EQ(proxy_connect({.host = std::string(254, 'a')}).error().code, errc::bad_name);
  expect_wrong_option({.protocol = static_cast<proxy_protocol>(9), .host = "example.org"}, errc::invalid_argument,
                      "proxy_options::protocol");
}

TEST(proxy_connect_options, user_and_password_fit_the_protocol) {
  const auto with = [](proxy_protocol protocol, std::string user, std::string_view password) {
    auto options = to_example(protocol);
    options.user = std::move(user);
    options.password = secret(password);
    return options;
  };
  constexpr auto http = proxy_protocol::http_connect, socks5 = proxy_protocol::socks5;
  const std::string longest(255, 'u'), too_long(256, 'u');
  EXPECT_TRUE(proxy_connect(with(socks5, longest, longest)));
  EXPECT_TRUE(proxy_connect(with(http, too_long, too_long)));
  EXPECT_TRUE(proxy_connect(with(http, "alice", "")));
  for (const auto protocol : {http, socks5}) {
    expect_wrong_option(with(protocol, "", "s3cret"), errc::invalid_argument, "proxy_options::user");
  }
  expect_wrong_option(with(http, "al:ice", "s3cret"), errc::invalid_argument, "proxy_options::user");
  expect_wrong_option(with(socks5, "alice", ""), errc::invalid_argument, "proxy_options::user");
  expect_wrong_option(with(socks5, too_long, "s3cret"), errc::invalid_argument, "proxy_options::user");
  expect_wrong_option(with(socks5, "alice", too_long), errc::invalid_argument, "proxy_options::user");
}

}  // namespace
}  // namespace sluice::test
