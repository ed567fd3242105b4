// SPDX-License-Identifier: Apache-2.0
// Peers that do not speak TLS, fall silent, or send something else in the middle.
#include "testkit/peers/answer.hpp"
#include "testkit/peers/relay.hpp"
#include "testkit/peers/records.hpp"
#include "testkit/peers/world.hpp"

#include <boost/asio/socket_base.hpp>

#include <algorithm>
#include <array>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;
constexpr auto behaviour_group = "behaviour";

// Answers a ClientHello with these bytes, and waits until the client has had enough.
asio::awaitable<void> answer_with(tcp::socket socket, std::string bytes) {
  const auto hello = co_await read_some(socket);
  if (hello.empty()) co_return;
  co_await write_all(socket, bytes);
  co_await wait_for_end(socket);
}

peer raw(const std::string& bytes) {
  return {.serve = [bytes](tcp::socket socket) { return answer_with(std::move(socket), bytes); }};
}

asio::awaitable<void> greet(tcp::socket socket) {
  const std::string greeting = "220 mail.lab.test ESMTP ready\r\n";
  co_await write_all(socket, greeting);
  co_await wait_for_end(socket);
}

asio::awaitable<void> hang_up(tcp::socket socket, bool is_rude) {
  co_await read_some(socket);
  if (is_rude) socket.set_option(asio::socket_base::linger(true, 0));
  socket.close();
}

peer hanging_up(world&, int is_rude) {
  return {.serve = [is_rude](tcp::socket socket) { return hang_up(std::move(socket), is_rude != 0); }};
}

asio::awaitable<void> say_nothing(tcp::socket socket) { co_await wait_for_end(socket); }

peer silent(world&, int) {
  return {.serve = [](tcp::socket socket) { return say_nothing(std::move(socket)); }, .times_out = true};
}

// A record that is never complete.
asio::awaitable<void> drip(tcp::socket socket) {
  auto next = record(22, std::string(4096, '\0'));
  co_await read_some(socket);
  for (const char c : next) {
    const std::string one(1, c);
    const bool is_heard = co_await write_all(socket, one);
    if (!is_heard) co_return;
    co_await pause(std::chrono::milliseconds(100));
  }
}

peer dripping(world&, int) {
  return {.serve = [](tcp::socket socket) { return drip(std::move(socket)); }, .times_out = true};
}

peer cut_in_handshake(world& w, int) {
  const auto tls = server_context(serving(w.issue(good_leaf())));
  const auto count = std::make_shared<int>(0);
  // The server's first flight is above 1.5 kB: ServerHello with a post-quantum share, certificate, Finished.
  return {.serve =
              [tls, count](tcp::socket socket) {
                const auto bytes = static_cast<std::size_t>((*count)++ % 100) * 15;
                return relay_and_cut(std::move(socket), tls, bytes);
              },
          .connections = 100};
}

peer alerting(world&, int description) { return raw(alert(description)); }

constexpr std::array alerts = {10, 20, 22, 40, 42, 43,  44,  45,  46,  47,  48,  49, 50,
                               51, 70, 71, 80, 86, 109, 110, 112, 113, 115, 116, 120};

std::string case_name(int description) {
  auto name = "alert-" + std::string(alert_name(static_cast<std::uint8_t>(description)));
  std::ranges::replace(name, '_', '-');
  return name;
}

void add_alerts(std::vector<lab_case>& rows) {
  for (const int description : alerts) {
    const std::string name(alert_name(static_cast<std::uint8_t>(description)));
    rows.push_back({case_name(description), behaviour_group, errc::alert, origin::peer, "the fatal alert " + name, "",
                    alerting, description});
  }
}

}  // namespace

std::vector<lab_case> behaviour_cases() {
  using enum errc;
  constexpr auto us = origin::local;
  constexpr auto them = origin::peer;
  std::vector<lab_case> rows = {
      {"plain-http", behaviour_group, protocol_error, us, "answers in HTTP", "",
       [](world&, int) { return raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); }},
      {"plain-smtp", behaviour_group, protocol_error, us, "greets in SMTP", "",
       [](world&, int) { return peer{.serve = [](tcp::socket socket) { return greet(std::move(socket)); }}; }},
      {"closes", behaviour_group, connection_closed, them, "hangs up after the ClientHello", "", hanging_up, 0},
      {"resets", behaviour_group, connection_reset, them, "resets the connection after the ClientHello", "", hanging_up,
       1},
      {"silence", behaviour_group, timed_out, us, "sends nothing", "", silent},
      {"drip", behaviour_group, timed_out, us, "a byte every 100 ms", "", dripping},
      {"goodbye", behaviour_group, connection_closed, them, "close_notify instead of a ServerHello", "",
       [](world&, int) { return raw(peers::alert(0, 1)); }},
      {"cut-in-handshake", behaviour_group, connection_closed, them, "hangs up within its first flight, at 100 places",
       "", cut_in_handshake},
      {"garbage", behaviour_group, protocol_error, us, "bytes that are no record", "",
       [](world&, int) { return raw(std::string(512, '\xa5')); }},
      {"huge-record", behaviour_group, protocol_error, us, "a record longer than TLS allows", "",
       [](world&, int) { return raw(record(22, "x").substr(0, 3) + "\xff\xff" + std::string(65535, 'x')); }},
      {"huge-handshake", behaviour_group, chain_too_long, us, "a Certificate message of 16 MB", "",
       [](world&, int) { return raw(record(22, server_hello({}) + "\x0b\xff\xff\xff" + std::string(131072, 'x'))); }},
      {"out-of-order", behaviour_group, protocol_error, us, "a Finished message where the certificate should be", "",
       [](world&, int) { return raw(record(22, server_hello({}) + handshake_message(20, std::string(12, 'x')))); }},
      {"application-data-early", behaviour_group, protocol_error, us, "application data instead of a ServerHello", "",
       [](world&, int) { return raw(record(23, "hello")); }},
      {"alpn-unasked", behaviour_group, protocol_error, us, "chooses an application protocol that was not offered", "",
       [](world&, int) {
         const std::string protocol("\x00\x10\x00\x05\x00\x03\x02h2", 9);
         return raw(record(22, server_hello({.extensions = protocol})));
       }},
  };
  add_alerts(rows);
  return rows;
}

}  // namespace sluice::testkit::peers
