// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/by_hand.hpp"

#include "testkit/peers/records.hpp"
#include "testkit/peers/world.hpp"

#include "sluice/asio/stream.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;

std::vector<std::uint8_t> from_hexadecimal(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// "SERVER_TRAFFIC_SECRET_0 <client random> <secret>"
void keep_secret(std::vector<std::uint8_t>& secret, std::string_view line) {
  if (!line.starts_with("SERVER_TRAFFIC_SECRET_0 ")) return;
  secret = from_hexadecimal(line.substr(line.rfind(' ') + 1));
}

}  // namespace

std::string by_hand::seal(int type, std::string_view body) { return sealed_record(secret_, sequence_++, type, body); }

std::string by_hand::key_update() {
  auto sealed = seal(22, handshake_message(24, number(0, 1)));
  secret_ = next_secret(secret_);
  sequence_ = 0;
  return sealed;
}

asio::awaitable<std::unique_ptr<by_hand>> shake_hands(tcp::socket socket,
                                                      std::shared_ptr<const server_options> options) {
  const auto secret = std::make_shared<std::vector<std::uint8_t>>();
  auto own = *options;
  own.versions.min = tls_version::tls1_3;
  own.tickets.reset();  // nothing is sent that we would have to count
  own.key_log = [secret](std::string_view line) { keep_secret(*secret, line); };
  tcp_stream s(std::move(socket), server_context(own), role::server);
  auto [ec] = co_await s.async_handshake(asio::as_tuple(asio::use_awaitable));
  if (ec || secret->empty()) co_return nullptr;
  co_return std::make_unique<by_hand>(s.release(), *secret);
}

}  // namespace sluice::testkit::peers
