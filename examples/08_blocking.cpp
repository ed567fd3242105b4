// SPDX-License-Identifier: Apache-2.0
// TLS without Asio: a connection over a plain socket, for programs with a thread to spare, or a loop of their own.
//   08_blocking HOST PORT [CA_FILE]
#include "sluice/blocking.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <stdexcept>

using namespace std::chrono_literals;

struct descriptor {
  int number = -1;
  ~descriptor() { ::close(number); }
};

void connect(descriptor& to, const char* host, const char* port) {
  addrinfo wanted{.ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  if (int e = ::getaddrinfo(host, port, &wanted, &found); e != 0) throw std::runtime_error(::gai_strerror(e));
  for (const auto* each = found; each != nullptr && to.number < 0; each = each->ai_next) {
    descriptor tried{::socket(each->ai_family, each->ai_socktype, each->ai_protocol)};
    if (::connect(tried.number, each->ai_addr, each->ai_addrlen) == 0) std::swap(to.number, tried.number);
  }
  ::freeaddrinfo(found);
  if (to.number < 0) throw std::runtime_error(std::string("cannot connect to ") + host);
}

int main(int argc, char** argv) try {
  if (argc < 3) return std::cerr << "usage: 08_blocking HOST PORT [CA_FILE]\n", 1;
  sluice::client_options options;
  if (argc > 3) options.trust = sluice::trust::from_file(argv[3]).value();
  const auto ctx = sluice::context::client(options).value();
  descriptor socket;
  connect(socket, argv[1], argv[2]);

  sluice::connection tls(ctx, sluice::role::client, argv[1]);
  const auto deadline = std::chrono::steady_clock::now() + 10s;  // for all of it
  const auto check = [&tls](const sluice::error_code& ec) {
    if (ec) throw boost::system::system_error(ec, tls.last_failure().message());
  };
  check(sluice::blocking::handshake(tls, socket.number, deadline));

  const std::string request = "GET / HTTP/1.0\r\nHost: " + std::string(argv[1]) + "\r\n\r\n";
  sluice::error_code ec;
  sluice::blocking::write(tls, socket.number, std::as_bytes(std::span(request)), ec, deadline);
  check(ec);
  std::array<std::byte, 4096> page;
  while (const auto size = sluice::blocking::read_some(tls, socket.number, page, ec, deadline)) {
    std::cout.write(reinterpret_cast<const char*>(page.data()), static_cast<std::streamsize>(size));
  }
  check(ec);  // clear: the server said that this was all
  sluice::blocking::shutdown(tls, socket.number, deadline);
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
