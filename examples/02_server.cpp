// SPDX-License-Identifier: Apache-2.0
// A server: shakes hands with many clients side by side, and answers each with a page. Ctrl-C ends it.
//   02_server ADDRESS PORT CHAIN_FILE KEY_FILE      02_server 127.0.0.1 8443 site.pem site.key
#include "sluice/asio.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

asio::awaitable<void> answer(sluice::tcp_stream s) {
  std::string request;
  co_await asio::async_read_until(s, asio::dynamic_buffer(request, 8192), "\r\n\r\n", asio::use_awaitable);
  const std::string page = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello over " + s.info().version + "\n";
  co_await asio::async_write(s, asio::buffer(page), asio::use_awaitable);
  co_await s.async_shutdown();  // says that this was all, and waits for the client's word
}

asio::awaitable<void> serve(sluice::acceptor& in) {
  for (;;) {
    auto s = co_await in.async_accept();  // the handshake is done: silent clients delay nobody
    auto strand = s.get_executor();
    asio::co_spawn(strand, answer(std::move(s)), asio::detached);
  }
}

int main(int argc, char** argv) try {
  if (argc != 5) return std::cerr << "usage: 02_server ADDRESS PORT CHAIN_FILE KEY_FILE\n", 1;
  const tcp::endpoint at(asio::ip::make_address(argv[1]), static_cast<unsigned short>(std::stoi(argv[2])));
  const auto site = sluice::identity::from_pem_files(argv[3], argv[4]).value();  // fails unless they match
  const auto tls = sluice::context::server({.identities = {site}}).value();

  asio::io_context io;
  sluice::acceptor_options options;
  options.on_failure = [](const sluice::failure& error, const tcp::endpoint& client) {
    std::cerr << client << ": " << error.message() << '\n';
  };
  sluice::acceptor in(io, at, tls, options);
  std::cout << "listening on " << in.local_endpoint() << std::endl;

  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&in](const auto&, int) { in.close(); });  // those already served are served to the end
  asio::co_spawn(io, serve(in), asio::detached);
  io.run();
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
