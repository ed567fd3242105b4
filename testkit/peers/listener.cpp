// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/listener.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::testkit::peers {

namespace asio = boost::asio;

listener::listener(asio::io_context& io, server_function serve, unsigned short port)
    : acceptor_(io, {asio::ip::address_v4::loopback(), port}),
      address_(acceptor_.local_endpoint()),
      serve_(std::move(serve)) {
  asio::co_spawn(io, accept_all(), asio::detached);
}

asio::awaitable<void> listener::accept_all() {
  for (;;) {
    auto outcome = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (std::get<0>(outcome)) co_return;
    auto& socket = std::get<1>(outcome);
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto served = serve_(std::move(socket));
    asio::co_spawn(acceptor_.get_executor(), std::move(served), asio::detached);
  }
}

}  // namespace sluice::testkit::peers
