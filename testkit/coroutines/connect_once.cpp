// SPDX-License-Identifier: Apache-2.0
#include "testkit/coroutines/connect_once.hpp"

#include "testkit/coroutines/use_tuple.hpp"

#include <utility>

namespace sluice::testkit {

namespace asio = boost::asio;

asio::awaitable<connected> connect_once(context tls, std::string host, std::string port, connect_options options) {
  connected made;
  failure error;
  options.failure = &error;
  options.report = &made.report;
  const auto began = std::chrono::steady_clock::now();
  auto outcome = co_await async_connect(tls, host, port, options, use_tuple);
  made.took = std::chrono::steady_clock::now() - began;
  if (std::get<0>(outcome)) {
    made.error = std::move(error);
  } else {
    made.stream.emplace(std::move(std::get<1>(outcome)));
  }
  co_return made;
}

asio::awaitable<connected> connect_once(context tls, asio::ip::tcp::endpoint server, connect_options options) {
  auto host = server.address().to_string();
  auto port = std::to_string(server.port());
  auto made = co_await connect_once(std::move(tls), std::move(host), std::move(port), options);
  co_return made;
}

}  // namespace sluice::testkit
