// SPDX-License-Identifier: Apache-2.0
// Peers whose handshake is as it should be, and what comes after is not; and servers that ask for a certificate.
#include "testkit/peers/answer.hpp"
#include "testkit/peers/by_hand.hpp"
#include "testkit/peers/records.hpp"
#include "testkit/peers/world.hpp"

#include <functional>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;
constexpr auto late_group = "behaviour";
constexpr auto mqtt = "x-amzn-mqtt-ca";
constexpr int handshake_type = 22;
constexpr int data_type = 23;
constexpr int alert_type = 21;

// What is sent once the handshake is done.
using ending = std::function<std::string(by_hand&)>;

asio::awaitable<void> end_by_hand(tcp::socket socket, std::shared_ptr<const server_options> options, ending what) {
  const auto hand = co_await shake_hands(std::move(socket), options);
  if (!hand) co_return;
  // The request may have come with the client's Finished, and be read already: it is not waited for here. It is
  // read before the socket closes, which would be a reset otherwise.
  auto bytes = what(*hand);
  co_await write_all(hand->socket(), std::move(bytes));
  boost::system::error_code ignored;
  hand->socket().shutdown(tcp::socket::shutdown_send, ignored);
  co_await wait_for_end(hand->socket());
}

peer ending_with(world& w, ending what) {
  const auto options = std::make_shared<const server_options>(serving(w.issue(good_leaf())));
  return {.serve = [options, what = std::move(what)](tcp::socket socket) {
    return end_by_hand(std::move(socket), options, what);
  }};
}

std::string goodbye(by_hand& hand) { return hand.seal(alert_type, number(1, 1) + number(0, 1)); }

peer alerting_late(world& w, int description) {
  return ending_with(w, [description](by_hand& hand) {
    return hand.seal(alert_type, number(2, 1) + number(static_cast<std::size_t>(description), 1));
  });
}

peer truncated_after_answer(world& w, int) {
  return ending_with(w, [](by_hand& hand) { return hand.seal(data_type, page); });
}

// What comes after the handshake, up to the last byte but one: each connection a byte more.
peer truncated_anywhere(world& w, int) {
  const auto sent = std::make_shared<std::size_t>(0);
  constexpr std::size_t around_record = 5 + 1 + 16;
  auto p = ending_with(w, [sent](by_hand& hand) {
    auto whole = hand.seal(data_type, page);
    whole += goodbye(hand);
    return whole.substr(0, (*sent)++ % whole.size());
  });
  p.connections = static_cast<int>(page.size() + 2 + 2 * around_record);
  return p;
}

peer truncated_in_record(world& w, int) {
  return ending_with(w, [](by_hand& hand) {
    const auto whole = hand.seal(data_type, page);
    return whole.substr(0, whole.size() / 2);
  });
}

peer forged_record(world& w, int) {
  return ending_with(w, [](by_hand& hand) {
    auto sealed = hand.seal(data_type, page);
    sealed.back() = static_cast<char>(sealed.back() ^ 1);
    return sealed;
  });
}

peer updating_keys(world& w, int) {
  return ending_with(w, [](by_hand& hand) {
    auto bytes = hand.key_update();
    bytes += hand.seal(data_type, page);
    return bytes + goodbye(hand);
  });
}

peer flooding_with_keys(world& w, int count) {
  return ending_with(w, [count](by_hand& hand) {
    std::string bytes;
    for (int i = 0; i < count; ++i) bytes += hand.key_update();
    bytes += hand.seal(data_type, page);
    return bytes + goodbye(hand);
  });
}

peer greeting_again(world& w, int) {
  return ending_with(w, [](by_hand& hand) { return hand.seal(handshake_type, server_hello({})); });
}

peer asking(world& w, client_auth how, bool is_known) {
  const auto& issuer = is_known ? w.root() : w.stranger();
  auto options = serving(w.issue(good_leaf()));
  options.client_auth = how;
  options.trust = trust::from_pem(w.root().certificate(), "the lab's store").value();
  auto who = good_leaf();
  who.extended_key_usage = "clientAuth";
  const auto own = w.issue_by(issuer, who);
  auto p = tls_peer(options);
  p.adapt = [own](client_options& client) { client.identity = identity::from_pem(own.chain, own.key).value(); };
  return p;
}

// How AWS IoT distinguishes MQTT from HTTPS on one port: an application protocol, and a certificate that it must see.
asio::awaitable<void> answer_a_known_device(tcp::socket socket, context tls) {
  tcp_stream s(std::move(socket), tls, role::server);
  judgement is_device = [](const tcp_stream& done) {
    return done.info().alpn == mqtt && done.info().version == "TLSv1.3" && !done.verified_chain().empty();
  };
  co_await answer_if(s, std::move(is_device));
}

peer asking_devices(world& w, int) {
  auto options = serving(w.issue(good_leaf()));
  options.client_auth = client_auth::required;
  options.trust = trust::from_pem(w.root().certificate(), "the lab's store").value();
  options.alpn = {mqtt};
  auto p = asking(w, client_auth::required, true);
  p.serve = [tls = server_context(options)](tcp::socket socket) {
    return answer_a_known_device(std::move(socket), tls);
  };
  p.adapt = [shown = p.adapt](client_options& client) {
    shown(client);
    client.alpn = {mqtt};
  };
  return p;
}

peer asking_in_vain(world& w, client_auth how) {
  auto p = asking(w, how, true);
  p.adapt = nullptr;
  return p;
}

}  // namespace

std::vector<lab_case> late_cases() {
  using enum errc;
  constexpr auto us = origin::local;
  constexpr auto them = origin::peer;
  return {
      {"truncated", late_group, errc::truncated, them, "hangs up without close_notify after its answer", "",
       truncated_after_answer},
      {"truncated-in-record", late_group, errc::truncated, them, "hangs up in the middle of a record", "",
       truncated_in_record},
      {"truncated-anywhere", late_group, errc::truncated, them,
       "hangs up at each byte of its answer and its close_notify", "", truncated_anywhere},
      {"forged-record", late_group, protocol_error, us, "a record that was changed on its way", "", forged_record},
      {"hello-again", late_group, protocol_error, us, "a second ServerHello after the handshake", "", greeting_again},
      {"key-update", late_group, {}, {}, "new keys before its answer", "", updating_keys},
      {"key-update-flood", late_group, protocol_error, us, "a thousand new keys before its answer", "",
       flooding_with_keys, 1000},
      {"late-certificate-required", late_group, errc::alert, them, "rejects a missing certificate after the handshake",
       "", alerting_late, 116},
      {"late-bad-certificate", late_group, errc::alert, them, "refuses our certificate after the handshake", "",
       alerting_late, 42},
      {"mtls-accepted",
       late_group,
       {},
       {},
       "requires a certificate, and takes ours",
       "",
       [](world& w, int) { return asking(w, client_auth::required, true); }},
      {"mtls-optional",
       late_group,
       {},
       {},
       "asks for a certificate, and does without",
       "",
       [](world& w, int) { return asking_in_vain(w, client_auth::optional); }},
      {"mtls-mqtt",
       late_group,
       {},
       {},
       "requires a certificate and the application protocol x-amzn-mqtt-ca, in TLS 1.3",
       "",
       asking_devices},
      {"mtls-missing", late_group, errc::alert, them, "requires a certificate, and we have none", "",
       [](world& w, int) { return asking_in_vain(w, client_auth::required); }},
      {"mtls-unknown", late_group, errc::alert, them, "requires a certificate of an authority that did not issue ours",
       "", [](world& w, int) { return asking(w, client_auth::required, false); }},
  };
}

}  // namespace sluice::testkit::peers
