// SPDX-License-Identifier: Apache-2.0
#include "verbs/demo/echo_server.hpp"

#include "server/serving.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

acceptor_options on_one_thread() {
  acceptor_options options;
  options.per_core = true;
  return options;
}

asio::awaitable<void> echo_until_gone(tcp_stream s) {
  served_client client(std::move(s));
  co_await serve_client(client, serve_mode::echo, std::chrono::seconds(10));
}

}  // namespace

echo_server::echo_server(asio::io_context& io, const context& tls)
    : acceptor_(io, {asio::ip::address_v4::loopback(), 0}, tls, on_one_thread()), address_(acceptor_.local_endpoint()) {
  asio::co_spawn(io, accept_all(), asio::detached);
}

std::optional<echo_server::handshake> echo_server::take_last() {
  const std::lock_guard lock(gate_);
  return std::exchange(last_, std::nullopt);
}

asio::awaitable<void> echo_server::accept_all() {
  for (;;) {
    auto outcome = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
    if (std::get<0>(outcome)) co_return;
    auto& s = std::get<1>(outcome);
    {
      const std::lock_guard lock(gate_);
      last_ = handshake{s.info(), s.timings()};
    }
    const auto executor = s.get_executor();
    asio::co_spawn(executor, echo_until_gone(std::move(s)), asio::detached);
  }
}

}  // namespace sluice::tool
