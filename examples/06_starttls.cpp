// SPDX-License-Identifier: Apache-2.0
// TLS on a connection that began without it: asks a mail server what it can do, once STARTTLS has made it private.
//   06_starttls HOST PORT CA_FILE      06_starttls mail.example.org 587 /etc/ssl/certs/ca-certificates.crt
#include "sluice/asio.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace asio = boost::asio;

bool is_whole(std::string_view reply) {  // RFC 5321 §4.2: "250-first line", "250 last line"
  const auto last = reply.substr(0, reply.size() - std::min<std::size_t>(reply.size(), 2)).rfind('\n') + 1;
  return reply.ends_with("\r\n") && reply.size() > last + 3 && reply[last + 3] == ' ';
}

template <class Stream>
asio::awaitable<std::string> ask(Stream& s, std::string command, std::string expected) {
  co_await asio::async_write(s, asio::buffer(command), asio::use_awaitable);
  std::string reply;
  while (!is_whole(reply)) {
    co_await asio::async_read(s, asio::dynamic_buffer(reply), asio::transfer_at_least(1), asio::use_awaitable);
  }
  if (!reply.starts_with(expected)) throw std::runtime_error("the server answers " + reply);
  co_return reply;
}

asio::awaitable<void> look(sluice::context tls, std::string host, std::string port) {
  asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
  auto found = co_await asio::ip::tcp::resolver(socket.get_executor()).async_resolve(host, port, asio::use_awaitable);
  co_await asio::async_connect(socket, found, asio::use_awaitable);

  co_await ask(socket, "", "220 ");
  co_await ask(socket, "EHLO client.invalid\r\n", "250");
  const auto go_ahead = co_await ask(socket, "STARTTLS\r\n", "220 ");
  // What comes behind it in the clear could be anybody's, and must not pass for what the server says in private.
  if (go_ahead.find('\n') + 1 != go_ahead.size()) throw std::runtime_error("more than was asked for");
  sluice::tcp_stream s(std::move(socket), tls, host);
  co_await s.async_handshake();

  std::cout << co_await ask(s, "EHLO client.invalid\r\n", "250");
  co_await ask(s, "QUIT\r\n", "221 ");
  co_await s.async_shutdown();
}

int main(int argc, char** argv) try {
  if (argc < 4) return std::cerr << "usage: 06_starttls HOST PORT CA_FILE\n", 1;
  const auto tls = sluice::context::client({.trust = sluice::trust::from_file(argv[3]).value()}).value();
  asio::io_context io;
  auto done = asio::co_spawn(io, look(tls, argv[1], argv[2]), asio::use_future);
  io.run();
  done.get();
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
