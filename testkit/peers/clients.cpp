// SPDX-License-Identifier: Apache-2.0
// Clients that do not speak TLS, stop in the middle, offer nothing of today, or show the wrong certificate.
#include "testkit/peers/answer.hpp"
#include "testkit/peers/records.hpp"
#include "testkit/peers/world.hpp"

#include "testkit/coroutines/use_tuple.hpp"
#include "sluice/asio/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;
constexpr std::string_view request = "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";

peer to_our_server(world& w, client_function come) {
  return {.serve = nullptr, .come = std::move(come), .host = serving(w.issue(good_leaf()))};
}

// Says this and waits until the server has had enough.
asio::awaitable<void> say(tcp::socket socket, std::string bytes) {
  co_await write_all(socket, std::move(bytes));
  co_await wait_for_end(socket);
}

peer saying(world& w, const std::string& bytes) {
  return to_our_server(w, [bytes](tcp::socket socket) { return say(std::move(socket), bytes); });
}

peer greeting(world& w, const client_hello_choice& choice) { return saying(w, record(22, client_hello(choice))); }

asio::awaitable<void> leave(tcp::socket socket, std::string bytes, bool is_rude) {
  co_await write_all(socket, std::move(bytes));
  if (is_rude) socket.set_option(asio::socket_base::linger(true, 0));
  socket.close();
}

peer leaving(world& w, int is_rude) {
  return to_our_server(w, [is_rude](tcp::socket socket) { return leave(std::move(socket), "", is_rude != 0); });
}

asio::awaitable<void> say_nothing(tcp::socket socket) { co_await wait_for_end(socket); }

peer silent(world& w, int) {
  auto p = to_our_server(w, [](tcp::socket socket) { return say_nothing(std::move(socket)); });
  p.times_out = true;
  return p;
}

asio::awaitable<void> drip(tcp::socket socket) {
  const auto hello = record(22, client_hello({}));
  for (const char c : hello) {
    const std::string one(1, c);
    const bool is_heard = co_await write_all(socket, one);
    if (!is_heard) co_return;
    co_await pause(std::chrono::milliseconds(100));
  }
}

peer dripping(world& w, int) {
  auto p = to_our_server(w, [](tcp::socket socket) { return drip(std::move(socket)); });
  p.times_out = true;
  return p;
}

// An alert where its answer to the server's flight should be.
asio::awaitable<void> refuse(tcp::socket socket, std::string hello, int description) {
  co_await write_all(socket, std::move(hello));
  const auto flight = co_await read_some(socket);
  if (flight.empty()) co_return;
  auto refusal = alert(description);
  co_await write_all(socket, std::move(refusal));
  co_await wait_for_end(socket);
}

peer refusing(world& w, int description, const client_hello_choice& choice) {
  return to_our_server(w, [description, hello = record(22, client_hello(choice))](tcp::socket socket) {
    return refuse(std::move(socket), hello, description);
  });
}

peer refusing(world& w, int description) { return refusing(w, description, {}); }

enum class ending { goodbye, cut, cut_in_request };

// As it should be, up to its end.
asio::awaitable<void> ask(tcp::socket socket, context tls, ending how) {
  tcp_stream s(std::move(socket), tls, "localhost");
  auto [handshake_ec] = co_await s.async_handshake(use_tuple);
  if (handshake_ec) co_return;
  const auto said = how == ending::cut_in_request ? request.substr(0, request.size() / 2) : request;
  co_await asio::async_write(s, asio::buffer(said), use_tuple);
  std::array<char, 4096> answer;
  while (how != ending::cut_in_request) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(answer), use_tuple);
    if (ec || n == page.size()) break;
  }
  if (how == ending::goodbye) {
    co_await s.async_shutdown(use_tuple);
    co_return;
  }
  auto bare = s.release();
  boost::system::error_code ignored;
  bare.shutdown(tcp::socket::shutdown_send, ignored);
  co_await wait_for_end(bare);
}

peer asking(world& w, ending how, const std::function<void(client_options&)>& adapt = {}) {
  client_options options;
  options.trust = trust::from_pem(w.root().certificate(), "the lab's store").value();
  options.blinding = blinding::at_most(std::chrono::seconds(0));
  if (adapt) adapt(options);
  const auto tls = context::client(options).value();
  return to_our_server(w, [tls, how](tcp::socket socket) { return ask(std::move(socket), tls, how); });
}

// A server that wants a certificate, and a client that shows this one, or none.
peer showing(world& w, const std::optional<testkit::issued>& who, client_auth wanted = client_auth::required) {
  auto p = asking(w, ending::goodbye, [&who](client_options& options) {
    if (who) options.identity = identity::from_pem(who->chain, who->key).value();
  });
  p.host->client_auth = wanted;
  p.host->trust = trust::from_pem(w.root().certificate(), "the lab's store").value();
  return p;
}

testkit::leaf_options device() { return {.common_name = "device-7", .names = {}, .extended_key_usage = "clientAuth"}; }

testkit::leaf_options device_dated(std::chrono::hours age, std::chrono::hours validity) {
  auto options = device();
  options.age = age;
  options.validity = validity;
  return options;
}

testkit::leaf_options device_signed_with(const char* digest) {
  auto options = device();
  options.digest = digest;
  return options;
}

testkit::leaf_options device_for_servers() {
  auto options = device();
  options.extended_key_usage = "serverAuth";
  return options;
}

std::vector<lab_case> hostile_clients() {
  using enum errc;
  constexpr auto us = origin::local;
  constexpr auto them = origin::peer;
  const std::string group(clients_group);
  constexpr int bad_certificate = 42, illegal_parameter = 47, unknown_ca = 48, user_canceled = 90;
  return {
      {"client-http", group, protocol_error, us, "asks in HTTP", "",
       [](world& w, int) { return saying(w, std::string(request)); }},
      {"client-garbage", group, protocol_error, us, "bytes that are no record", "",
       [](world& w, int) { return saying(w, std::string(512, '\xa5')); }},
      {"client-data-early", group, protocol_error, us, "application data instead of a ClientHello", "",
       [](world& w, int) { return saying(w, record(23, "hello")); }},
      {"client-huge-hello", group, protocol_error, us, "a ClientHello of 16 MB", "",
       [](world& w, int) { return saying(w, record(22, "\x01\xff\xff\xff" + std::string(131072, 'x'))); }},
      {"client-out-of-order", group, protocol_error, us, "a Finished message instead of a ClientHello", "",
       [](world& w, int) { return saying(w, record(22, handshake_message(20, std::string(12, 'x')))); }},
      {"client-closes", group, connection_closed, them, "hangs up without a word", "", leaving, 0},
      {"client-resets", group, connection_reset, them, "resets the connection without a word", "", leaving, 1},
      {"client-silence", group, timed_out, us, "sends nothing", "", silent},
      {"client-drip", group, timed_out, us, "a byte every 100 ms", "", dripping},
      {"client-tls1.0", group, version_unsupported, us, "offers TLS 1.0 at most", "",
       [](world& w, int) {
         return greeting(w, {.version = 0x0301, .ciphers = {0xc009, 0xc013, 0x002f}});
       }},
      {"client-tls1.1", group, version_unsupported, us, "offers TLS 1.1 at most", "",
       [](world& w, int) {
         return greeting(w, {.version = 0x0302, .ciphers = {0xc009, 0xc013, 0x002f}});
       }},
      {"client-rc4", group, no_shared_parameters, us, "offers RC4 and nothing else", "",
       [](world& w, int) {
         return greeting(w, {.ciphers = {0x0005, 0x0004}});
       }},
      {"client-anonymous", group, no_shared_parameters, us, "offers a key exchange without a signature", "",
       [](world& w, int) {
         return greeting(w, {.ciphers = {0x0034, 0xc018}});
       }},
      {"client-old-groups", group, no_shared_parameters, us, "offers elliptic curves of 160 bits", "",
       [](world& w, int) {
         return greeting(w, {.groups = {15, 16, 17}});
       }},
      {"client-old-signatures", group, alert, them, "believes signatures with MD5 alone, and gets another",
       "s2n signs with what it has",
       [](world& w, int) {
         return refusing(w, illegal_parameter, {.signatures = {0x0101, 0x0103}});
       }},
      {"client-fallback", group, protocol_error, us, "falls back to TLS 1.2, and signals it (RFC 7507)", "",
       [](world& w, int) {
         return greeting(w, {.ciphers = {0xc02b, 0x5600}});
       }},
      {"client-compresses", group, alert, them, "wants everything compressed, and gets nothing compressed",
       "s2n does not look", [](world& w, int) { return refusing(w, illegal_parameter, {.compressions = "\x01"}); }},
      {"client-bad-certificate", group, alert, them, "refuses our certificate as bad", "", refusing, bad_certificate},
      {"client-unknown-ca", group, alert, them, "does not trust our certificate's authority", "", refusing, unknown_ca},
      {"client-canceled", group, alert, them, "was called off by its user", "", refusing, user_canceled},
      {"client-truncates", group, truncated, them, "hangs up without close_notify after our answer", "",
       [](world& w, int) { return asking(w, ending::cut); }},
      {"client-truncates-request", group, truncated, them, "hangs up in the middle of its request", "",
       [](world& w, int) { return asking(w, ending::cut_in_request); }},
  };
}

std::vector<lab_case> showing_clients() {
  using enum errc;
  using std::chrono::hours;
  constexpr auto us = origin::local;
  const std::string group(clients_group);
  return {
      {"client-ordinary",
       group,
       {},
       {},
       "as it should be",
       "",
       [](world& w, int) { return asking(w, ending::goodbye); }},
      {"client-no-certificate", group, certificate_missing, us, "has no certificate, and the server requires one", "",
       [](world& w, int) { return showing(w, std::nullopt); }},
      {"client-no-certificate-optional",
       group,
       {},
       {},
       "has no certificate, and the server can do without",
       "",
       [](world& w, int) { return showing(w, std::nullopt, client_auth::optional); }},
      {"client-certificate",
       group,
       {},
       {},
       "shows a certificate that names no host",
       "",
       [](world& w, int) { return showing(w, w.issue(device())); }},
      {"client-certificate-expired", group, expired, us, "shows a certificate that ended three days ago", "",
       [](world& w, int) { return showing(w, w.issue(device_dated(hours(720), hours(-72)))); }},
      {"client-certificate-early", group, not_yet_valid, us, "shows a certificate that begins in three days", "",
       [](world& w, int) { return showing(w, w.issue(device_dated(hours(-73), hours(720)))); }},
      {"client-certificate-unknown", group, untrusted, us, "shows a certificate of an authority that is not trusted",
       "", [](world& w, int) { return showing(w, w.issue_by(w.stranger(), device())); }},
      {"client-certificate-self-signed", group, self_signed, us, "shows a certificate that vouches for itself", "",
       [](world& w, int) { return showing(w, testkit::self_signed(device()).value()); }},
      {"client-certificate-for-servers", group, wrong_purpose, us, "shows a certificate with serverAuth alone", "",
       [](world& w, int) { return showing(w, w.issue(device_for_servers())); }},
      {"client-certificate-sha1", group, certificate_weak, us, "shows a certificate signed with SHA-1", "s2n takes it",
       [](world& w, int) { return showing(w, w.issue(device_signed_with("sha1"))); }},
      {"client-certificate-rsa1024", group, certificate_weak, us, "shows a certificate with an RSA key of 1024 bits",
       "s2n takes it", [](world& w, int) { return showing(w, w.issue(device(), "rsa1024")); }},
  };
}

}  // namespace

std::vector<lab_case> client_cases() {
  auto rows = hostile_clients();
  for (auto& row : showing_clients()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace sluice::testkit::peers
