// SPDX-License-Identifier: Apache-2.0
// Protocols before TLS: an SMTP server with STARTTLS, reached through an HTTP proxy, under one deadline.
//   10_proxy PROXY PROXY_PORT HOST PORT CA_FILE [USER PASSWORD_FILE]
#include "sluice/asio.hpp"
#include "sluice/asio/proxy_connect.hpp"
#include "sluice/asio/starttls.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <cstdlib>
#include <iostream>

namespace asio = boost::asio;

// `before` must outlive async_connect.
asio::awaitable<void> look(sluice::context tls, std::string proxy, std::string proxy_port, std::string host,
                           std::uint16_t port, std::shared_ptr<sluice::prelude> before) {
  sluice::failure failed;
  const sluice::connect_options options{
      .server_name = host, .failure = &failed, .prelude = before.get(), .session_port = port};
  try {
    auto s = co_await sluice::async_connect(tls, proxy, proxy_port, options);
    std::cout << s.info().version << " with " << s.verified_chain().front().subject() << '\n';
    co_await s.async_shutdown();
  } catch (const boost::system::system_error&) {
    if (!failed.code) throw;
    throw sluice::error(failed);  // where it failed, at the proxy or at the server, and the remedy
  }
}

int main(int argc, char** argv) try {
  if (argc != 6 && argc != 8) {
    return std::cerr << "usage: 10_proxy PROXY PROXY_PORT HOST PORT CA_FILE [USER PASSWORD_FILE]\n", 1;
  }
  const auto port = static_cast<std::uint16_t>(std::stoi(argv[4]));
  sluice::proxy_options options{.host = argv[3], .port = port};
  options.then = sluice::starttls(sluice::starttls_protocol::smtp).value();
  if (argc == 8) {
    options.user = argv[6];
    options.password = sluice::secret::from_file(argv[7]).value();
  }
  const auto before = sluice::proxy_connect(std::move(options)).value();
  const auto tls = sluice::context::client({.trust = sluice::trust::from_file(argv[5]).value()}).value();
  asio::io_context io;
  auto done = asio::co_spawn(io, look(tls, argv[1], argv[2], argv[3], port, before), asio::use_future);
  io.run();
  done.get();
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
