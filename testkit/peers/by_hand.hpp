// SPDX-License-Identifier: Apache-2.0
// A TLS 1.3 server that stops being one once the handshake is done: what it sends from there is sealed by hand.
#pragma once

#include "testkit/peers/case.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testkit::peers {

class by_hand {
 public:
  by_hand(tcp::socket socket, std::vector<std::uint8_t> secret)
      : socket_(std::move(socket)), secret_(std::move(secret)) {}

  tcp::socket& socket() noexcept { return socket_; }
  std::string seal(int type, std::string_view body);
  std::string key_update();  // and the next secret from here on

 private:
  tcp::socket socket_;
  std::vector<std::uint8_t> secret_;
  std::uint64_t sequence_ = 0;
};

// Null when the handshake failed.
boost::asio::awaitable<std::unique_ptr<by_hand>> shake_hands(tcp::socket socket,
                                                             std::shared_ptr<const server_options> options);

}  // namespace sluice::testkit::peers
