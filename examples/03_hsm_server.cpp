// SPDX-License-Identifier: Apache-2.0
// The same server, with its private key in a PKCS#11 token (HSM, smart card, TPM), which it never leaves. The token
// signs on threads of its own: however slow it is, the loop serves everybody else meanwhile.
//   03_hsm_server ADDRESS PORT CHAIN_FILE KEY_URI PIN_FILE
//   03_hsm_server 127.0.0.1 8443 site.pem 'pkcs11:token=web;object=site?module-name=softhsm2' pin.txt
#include "sluice/asio.hpp"
#include "sluice/pkcs11/key.hpp"

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
  const std::string page = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello from a key in a token\n";
  co_await asio::async_write(s, asio::buffer(page), asio::use_awaitable);
  co_await s.async_shutdown();
}

asio::awaitable<void> serve(sluice::acceptor& in) {
  for (;;) {
    auto s = co_await in.async_accept();
    auto strand = s.get_executor();
    asio::co_spawn(strand, answer(std::move(s)), asio::detached);
  }
}

int main(int argc, char** argv) try {
  if (argc != 6) return std::cerr << "usage: 03_hsm_server ADDRESS PORT CHAIN_FILE KEY_URI PIN_FILE\n", 1;
  const tcp::endpoint at(asio::ip::make_address(argv[1]), static_cast<unsigned short>(std::stoi(argv[2])));
  sluice::pkcs11::key_options token;  // 8 sessions, each with a thread
  token.pin = sluice::pkcs11::pin_from_file(argv[5]);
  const auto key = sluice::pkcs11::open_key(argv[4], token).value();
  const auto site = sluice::identity::from_chain_file(argv[3], key).value();  // checks that the key is the leaf's
  const auto tls = sluice::context::server({.identities = {site}}).value();

  asio::io_context io;
  sluice::acceptor in(io, at, tls);
  std::cout << "listening on " << in.local_endpoint() << ", key " << key->name() << std::endl;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&in](const auto&, int) { in.close(); });
  asio::co_spawn(io, serve(in), asio::detached);
  io.run();
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
