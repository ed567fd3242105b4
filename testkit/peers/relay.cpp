// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/relay.hpp"

#include "testkit/peers/answer.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;
using shared_socket = std::shared_ptr<tcp::socket>;

asio::awaitable<void> forward(shared_socket from, shared_socket to) {
  for (;;) {
    auto bytes = co_await read_some(*from);
    if (bytes.empty()) break;
    const bool is_sent = co_await write_all(*to, std::move(bytes));
    if (!is_sent) break;
  }
  boost::system::error_code ignored;
  to->shutdown(tcp::socket::shutdown_send, ignored);
}

// The two ends of a connection of ours.
asio::awaitable<bool> connect_pair(tcp::socket& near, tcp::socket& far) {
  tcp::acceptor door(near.get_executor(), {asio::ip::address_v4::loopback(), 0});
  const auto address = door.local_endpoint();
  auto [connect_ec] = co_await near.async_connect(address, use_tuple);
  if (connect_ec) co_return false;
  auto [accept_ec] = co_await door.async_accept(far, use_tuple);
  co_return !accept_ec;
}

}  // namespace

asio::awaitable<void> relay_to(tcp::socket socket, tcp::endpoint address, std::string first) {
  const auto executor = socket.get_executor();
  const auto client = std::make_shared<tcp::socket>(std::move(socket));
  const auto server = std::make_shared<tcp::socket>(executor);
  auto [connect_ec] = co_await server->async_connect(address, use_tuple);
  if (connect_ec) co_return;
  const bool is_sent = co_await write_all(*server, std::move(first));
  if (!is_sent) co_return;
  auto forwarding = forward(client, server);
  asio::co_spawn(executor, std::move(forwarding), asio::detached);
  co_await forward(server, client);
}

asio::awaitable<void> relay_and_cut(tcp::socket socket, context tls, std::size_t bytes) {
  const auto executor = socket.get_executor();
  const auto client = std::make_shared<tcp::socket>(std::move(socket));
  const auto server = std::make_shared<tcp::socket>(executor);
  tcp::socket far(executor);
  const bool is_paired = co_await connect_pair(*server, far);
  if (!is_paired) co_return;
  auto serving = answer(std::move(far), tls);
  asio::co_spawn(executor, std::move(serving), asio::detached);
  auto forwarding = forward(client, server);
  asio::co_spawn(executor, std::move(forwarding), asio::detached);
  while (bytes > 0) {
    auto some = co_await read_some(*server);
    if (some.empty()) break;
    some.resize(std::min(some.size(), bytes));
    bytes -= some.size();
    const bool is_sent = co_await write_all(*client, std::move(some));
    if (!is_sent) break;
  }
  boost::system::error_code ignored;
  client->shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace sluice::testkit::peers
