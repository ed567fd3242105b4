// SPDX-License-Identifier: Apache-2.0
// starttls(): SMTP, IMAP, LDAP and PostgreSQL servers that start TLS, and those that do not.
#include "e2e/scripted.hpp"

#include "sluice/asio/starttls.hpp"

namespace sluice::test {
namespace {

std::string octets(std::initializer_list<unsigned char> bytes) { return {bytes.begin(), bytes.end()}; }

const std::string ldap_request =
    octets({0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16}) + "1.3.6.1.4.1.1466.20037";
const std::string postgres_request = octets({0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f});

// LDAPMessage { id, ExtendedResponse { result, "", diagnostic } }
std::string ldap_response(unsigned char id, unsigned char result, const std::string& diagnostic = {}) {
  const auto size = static_cast<unsigned char>(diagnostic.size());
  const auto parts = octets({0x0a, 1, result, 4, 0, 4, size}) + diagnostic;
  const auto operation = octets({0x78, static_cast<unsigned char>(parts.size())}) + parts;
  return octets({0x30, static_cast<unsigned char>(operation.size() + 3), 2, 1, id}) + operation;
}

script agreement(starttls_protocol protocol) {
  switch (protocol) {
    case starttls_protocol::smtp:
      return {{"", "220-mail.test\r\n220 ready\r\n"},
              {"EHLO [127.0.0.1]\r\n", "250-mail.test\r\n250-SIZE 1000\r\n250 starttls\r\n"},
              {"STARTTLS\r\n", "220 go ahead\r\n"}};
    case starttls_protocol::imap:
      return {{"", "* OK hello\r\n"},
              {"a1 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 STARTTLS LOGIN\r\na1 OK done\r\n"},
              {"a2 STARTTLS\r\n", "* OK soon\r\na2 OK begin\r\n"}};
    case starttls_protocol::ldap: return {{ldap_request, ldap_response(1, 0)}};
    case starttls_protocol::postgres: return {{postgres_request, "S"}};
  }
  return {};
}

std::string name_of_protocol(const ::testing::TestParamInfo<starttls_protocol>& info) {
  constexpr std::array names = {"smtp", "imap", "ldap", "postgres"};
  return names.at(static_cast<std::size_t>(info.param));
}

struct starttls_of : ::testing::TestWithParam<starttls_protocol>, scripted_server {
  std::shared_ptr<prelude> speaker = starttls(GetParam()).value();
  script steps = agreement(GetParam());
};
INSTANTIATE_TEST_SUITE_P(protocols, starttls_of,
                         ::testing::Values(starttls_protocol::smtp, starttls_protocol::imap, starttls_protocol::ldap,
                                           starttls_protocol::postgres),
                         name_of_protocol);

TEST_P(starttls_of, agreement_is_followed_by_tls) {
  start(*speaker, steps);
  EXPECT_FALSE(wait().code) << stream->last_failure().message();
  EXPECT_TRUE(stream->is_established());
  EXPECT_EQ(reached, steps.size());
}

TEST_P(starttls_of, plaintext_after_the_agreement_is_rejected) {
  start(*speaker, ending_with(steps, steps.back().answer + "250 \x1b[2Jinjected\r\n"));
  const auto& failed = wait();
  EXPECT_EQ(failed.code, errc::protocol_error);
  EXPECT_EQ(failed.detail, "it sent plaintext after the agreement to begin TLS: \"250 .[2Jinjected..\"");
  EXPECT_EQ(failed.where, "localhost:" + port());
  EXPECT_EQ(failed.at, phase::handshake);
  EXPECT_EQ(failed.from, origin::local);
}

TEST_P(starttls_of, truncated_answer_is_reported) {
  const auto& whole = steps.back().answer;
  const auto failed = speak(*speaker, ending_with(steps, whole.substr(0, whole.size() - 1)));
  EXPECT_EQ(failed.code, asio::error::eof) << failed.message();
}

TEST_P(starttls_of, missing_answer_ends_at_the_deadline) {
  start(*speaker, ending_with(steps, ""), {.timeout = 100ms});
  EXPECT_EQ(wait().code, errc::timed_out);
}

TEST_P(starttls_of, missing_answer_ends_by_a_cancellation) {
  start(*speaker, ending_with(steps, ""));
  EXPECT_TRUE(run_until(io, [this] { return reached == steps.size(); }));
  stop.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(wait().code, asio::error::operation_aborted);
}

TEST_P(starttls_of, socket_that_is_closed_is_a_failure_and_no_exception) {
  tcp::socket closed(io);
  std::optional<failure> ended;
  asio::co_spawn(io, speaker->speak(closed), [&ended](const std::exception_ptr& thrown, failure error) {
    EXPECT_FALSE(thrown);
    ended = std::move(error);
  });
  run(io);
  EXPECT_EQ(ended.value().code, asio::error::bad_descriptor);
}

TEST_P(starttls_of, object_is_shared_by_connections_at_the_same_time) {
  scripted_server other;
  start(*speaker, steps);
  other.start(*speaker, steps);
  EXPECT_FALSE(wait().code) << stream->last_failure().message();
  EXPECT_FALSE(other.wait().code) << other.stream->last_failure().message();
}

void expect_rejection(starttls_protocol protocol, const script& steps, const std::string& detail) {
  const auto failed = speak(*starttls(protocol).value(), steps);
  EXPECT_EQ(failed.code, errc::handshake_failed) << failed.message();
  EXPECT_EQ(failed.detail, detail);
  EXPECT_EQ(failed.from, origin::peer);
  EXPECT_EQ(failed.where, "");
}

TEST(starttls_of_smtp, rejection_is_reported_with_the_answer) {
  constexpr auto smtp = starttls_protocol::smtp;
  const auto agreed = agreement(smtp);
  expect_rejection(smtp, ending_with(agreed, "454 TLS not \xff available\r\n"),
                   "it refuses STARTTLS: it answers \"454 TLS not . available\"");
  expect_rejection(smtp, {agreed[0], {agreed[1].request, "250-mail.test\r\n250 STARTTLSX\r\n"}},
                   "it does not offer STARTTLS");
  expect_rejection(smtp, {agreed[0], {agreed[1].request, "502 what\r\n"}},
                   "it does not accept EHLO: it answers \"502 what\"");
  expect_rejection(smtp, {{"", "554-no\r\n554 go away\r\n"}}, "it does not accept mail: it answers \"554 go away\"");
  expect_rejection(smtp, {{"", "220-one\r\n250 two\r\n"}}, "it does not speak SMTP: it answers \"250 two\"");
  expect_rejection(smtp, {{"", "SSH-2.0-OpenSSH\r\n"}}, "it does not speak SMTP: it answers \"SSH-2.0-OpenSSH\"");
}

TEST(starttls_of_smtp, length_of_lines_and_answers_is_limited) {
  constexpr auto smtp = starttls_protocol::smtp;
  expect_rejection(smtp, {{"", std::string(9000, 'a')}},
                   "it sends a line without an end: \"" + std::string(200, 'a') + "\"…");
  std::string answer;
  for (int i = 0; i < 201; ++i) answer += "220-" + std::to_string(i) + "\r\n";
  expect_rejection(smtp, {{"", answer + "220 end\r\n"}}, "it does not speak SMTP: it answers \"220-200\"");
}

TEST(starttls_of_smtp, client_name_is_sent) {
  auto steps = agreement(starttls_protocol::smtp);
  steps[1].request = "EHLO client.example.org\r\n";
  const auto speaker = starttls(starttls_protocol::smtp, {.client_name = "client.example.org"}).value();
  EXPECT_FALSE(speak(*speaker, steps).code);
}

TEST(starttls_of_imap, rejection_is_reported_with_the_answer) {
  constexpr auto imap = starttls_protocol::imap;
  const auto agreed = agreement(imap);
  expect_rejection(imap, ending_with(agreed, "a2 NO not today\r\n"),
                   "it refuses STARTTLS: it answers \"NO not today\"");
  expect_rejection(imap, {agreed[0], {agreed[1].request, "* CAPABILITY NOSTARTTLS\r\na1 OK\r\n"}},
                   "it does not offer STARTTLS: it answers \"* CAPABILITY NOSTARTTLS\"");
  expect_rejection(imap, {agreed[0], {agreed[1].request, "a1 BAD\r\n"}},
                   "it does not list its capabilities: it answers \"BAD\"");
  expect_rejection(imap, {{"", "* PREAUTH you are in\r\n"}},
                   "it does not greet as IMAP does before TLS: it answers \"* PREAUTH you are in\"");
  expect_rejection(imap, ending_with(agreed, "b2 OK begin\r\n"), "it does not speak IMAP: it answers \"b2 OK begin\"");
}

TEST(starttls_of_imap, number_of_untagged_lines_is_limited) {
  constexpr auto imap = starttls_protocol::imap;
  std::string untagged;
  for (int i = 0; i < 200; ++i) untagged += "* OK " + std::to_string(i) + "\r\n";
  expect_rejection(imap, ending_with(agreement(imap), untagged), "it does not answer STARTTLS");
}

TEST(starttls_of_ldap, rejection_is_reported_with_the_answer) {
  constexpr auto ldap = starttls_protocol::ldap;
  expect_rejection(ldap, {{ldap_request, ldap_response(1, 2, "unsupported")}},
                   "it refuses StartTLS: result code 2, \"unsupported\"");
  expect_rejection(ldap, {{ldap_request, ldap_response(0, 52)}}, "it refuses StartTLS: result code 52");
  expect_rejection(ldap, {{ldap_request, ldap_response(7, 0)}}, "it refuses StartTLS: result code 0");
  expect_rejection(ldap, {{ldap_request, octets({0x30, 3, 2, 1, 1})}},
                   "it does not answer as LDAP does: it answers \"0....\"");
  expect_rejection(ldap, {{ldap_request, "220 hello\r\n"}}, "it does not speak LDAP: it answers \"22\"");
}

TEST(starttls_of_ldap, length_of_a_message_is_limited) {
  constexpr auto ldap = starttls_protocol::ldap;
  expect_rejection(ldap, {{ldap_request, octets({0x30, 0x83, 0x01, 0x00, 0x01})}},
                   "it does not speak LDAP: it answers \"0....\"");
  expect_rejection(ldap, {{ldap_request, octets({0x30, 0x80})}}, "it does not speak LDAP: it answers \"0.\"");
}

TEST(starttls_of_ldap, lengths_need_not_have_the_shortest_form) {
  const auto message = octets({0x30, 0x84, 0, 0, 0, 0x10, 2, 1, 1, 0x78, 0x84, 0, 0, 0, 7, 0x0a, 1, 0, 4, 0, 4, 0});
  EXPECT_FALSE(speak(*starttls(starttls_protocol::ldap).value(), {{ldap_request, message}}).code);
}

TEST(starttls_of_postgres, rejection_is_reported_without_the_text_of_an_error) {
  constexpr auto postgres = starttls_protocol::postgres;
  expect_rejection(postgres, {{postgres_request, "N"}}, "it has no TLS: it answers N to SSLRequest");
  expect_rejection(postgres, {{postgres_request, "Ean attacker's text"}}, "it answers SSLRequest with an error");
  expect_rejection(postgres, {{postgres_request, "H"}},
                   "it does not speak PostgreSQL: it answers SSLRequest with \"H\"");
}

TEST(starttls_options, client_name_is_a_host_name) {
  constexpr auto smtp = starttls_protocol::smtp;
  EXPECT_EQ(starttls(smtp, {.client_name = "client\r\nMAIL FROM:<>"}).error().code, errc::bad_name);
  EXPECT_EQ(starttls(smtp, {.client_name = "two words"}).error().code, errc::bad_name);
  const auto address = starttls(smtp, {.client_name = "192.0.2.1"});
  EXPECT_EQ(address.error().code, errc::bad_name);
  EXPECT_EQ(address.error().where, "client_name \"192.0.2.1\"");
  EXPECT_EQ(address.error().remedy, "leave it empty: EHLO sends the address of the socket then");
}

TEST(starttls_options, unknown_protocol_is_rejected) {
  const auto unknown = starttls(static_cast<starttls_protocol>(99));
  EXPECT_EQ(unknown.error().code, errc::invalid_argument);
  EXPECT_EQ(unknown.error().where, "starttls_protocol");
  EXPECT_FALSE(unknown.error().remedy.empty());
}

}  // namespace
}  // namespace sluice::test
