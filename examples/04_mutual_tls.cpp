// SPDX-License-Identifier: Apache-2.0
// Both sides show a certificate: a server that greets each client by its name, and a client that has one.
//   04_mutual_tls serve ADDRESS PORT CA_FILE CHAIN_FILE KEY_FILE
//   04_mutual_tls visit HOST PORT CA_FILE CHAIN_FILE KEY_FILE
#include "sluice/asio.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace asio = boost::asio;

asio::awaitable<void> greet(sluice::tcp_stream s) {
  const std::string greeting = "hello " + s.verified_chain().front().subject() + "\n";  // proven
  co_await asio::async_write(s, asio::buffer(greeting), asio::use_awaitable);
  co_await s.async_shutdown();
}

asio::awaitable<void> serve(sluice::acceptor& in) {
  for (;;) {
    auto s = co_await in.async_accept();
    auto strand = s.get_executor();
    asio::co_spawn(strand, greet(std::move(s)), asio::detached);
  }
}

int main(int argc, char** argv) try {
  if (argc != 7) return std::cerr << "usage: 04_mutual_tls serve|visit HOST PORT CA_FILE CHAIN_FILE KEY_FILE\n", 1;
  const auto trust = sluice::trust::from_file(argv[4]).value();
  const auto identity = sluice::identity::from_pem_files(argv[5], argv[6]).value();
  asio::io_context io;
  if (std::string(argv[1]) == "visit") {
    const auto tls = sluice::context::client({.identity = identity, .trust = trust}).value();
    auto connected = sluice::async_connect(io, tls, argv[2], argv[3], asio::use_future);
    io.run();
    auto s = connected.get();
    std::string greeting;  // TLS 1.3 has a client finish first: if its certificate is refused, the end is here
    asio::read_until(s, asio::dynamic_buffer(greeting), '\n');
    return std::cout << greeting, 0;
  }
  sluice::server_options wanted{.identities = {identity}, .client_auth = sluice::client_auth::required, .trust = trust};
  wanted.tickets = std::nullopt;  // a client that resumes a session sends no certificate
  const auto tls = sluice::context::server(wanted).value();
  const auto port = static_cast<unsigned short>(std::stoi(argv[3]));
  sluice::acceptor in(io, {asio::ip::make_address(argv[2]), port}, tls);
  std::cout << "listening on " << in.local_endpoint() << std::endl;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&in](const auto&, int) { in.close(); });
  asio::co_spawn(io, serve(in), asio::detached);
  io.run();
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
