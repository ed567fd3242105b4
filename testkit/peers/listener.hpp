// SPDX-License-Identifier: Apache-2.0
// A peer's place on loopback.
#pragma once

#include "testkit/peers/case.hpp"

#include <boost/asio/io_context.hpp>

namespace sluice::testkit::peers {

// Accepts on `io`'s thread from now on; destroy it when that thread has ended.
class listener {
 public:
  listener(boost::asio::io_context& io, server_function serve, unsigned short port = 0);
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  const tcp::endpoint& address() const noexcept { return address_; }

 private:
  boost::asio::awaitable<void> accept_all();

  tcp::acceptor acceptor_;
  tcp::endpoint address_;
  server_function serve_;
};

}  // namespace sluice::testkit::peers
