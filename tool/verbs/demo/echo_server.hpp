// SPDX-License-Identifier: Apache-2.0
// An echo server on loopback that remembers the last handshake it made.
#pragma once

#include "sluice/asio/acceptor.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <mutex>
#include <optional>

namespace sluice::tool {

class echo_server {
 public:
  struct handshake {
    connection_info info;
    handshake_timings timings;
  };

  // Accepts on `io`'s thread from now on; destroy it when that thread has ended.
  echo_server(boost::asio::io_context& io, const context& tls);
  echo_server(const echo_server&) = delete;
  echo_server& operator=(const echo_server&) = delete;

  const boost::asio::ip::tcp::endpoint& address() const noexcept { return address_; }
  std::optional<handshake> take_last();  // any thread; nothing when there was none since the last call

 private:
  boost::asio::awaitable<void> accept_all();

  acceptor acceptor_;
  boost::asio::ip::tcp::endpoint address_;
  std::mutex gate_;
  std::optional<handshake> last_;
};

}  // namespace sluice::tool
