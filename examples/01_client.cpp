// SPDX-License-Identifier: Apache-2.0
// A client: connects by name, checks the server's certificate, asks for a page and prints it.
//   01_client HOST PORT [CA_FILE]      01_client example.org 443
#include "sluice/asio.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<void> fetch(sluice::context tls, std::string host, std::string port, sluice::failure& error) {
  // Name resolution, TCP and TLS within five seconds. It fails unless the certificate is valid for this host.
  auto s = co_await sluice::async_connect(tls, host, port, {.timeout = 5s, .failure = &error});
  std::cerr << "connected with " << s.info().version << ", " << s.info().cipher << '\n';

  const std::string request = "GET / HTTP/1.0\r\nHost: " + host + "\r\n\r\n";
  co_await asio::async_write(s, asio::buffer(request), asio::use_awaitable);

  std::string page;
  auto [ec, size] = co_await asio::async_read(s, asio::dynamic_buffer(page), asio::as_tuple(asio::use_awaitable));
  std::cout << page;
  // eof is the server's close_notify. An end without one, errc::truncated, may be the work of an attacker.
  if (ec != asio::error::eof) throw boost::system::system_error(ec);
  co_await s.async_shutdown(asio::as_tuple(asio::use_awaitable));
}

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "usage: 01_client HOST PORT [CA_FILE]\n", 1;
  sluice::failure error;  // what there is to say beside an error code: which certificate, what to do about it
  try {
    sluice::client_options options;  // as they are: the system's roots, names checked
    if (argc > 3) options.trust = sluice::trust::from_file(argv[3]).value();
    const auto tls = sluice::context::client(options).value();

    asio::io_context io;
    asio::co_spawn(io, fetch(tls, argv[1], argv[2], error), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
    io.run();
  } catch (const std::exception& e) {
    return std::cerr << (error.code ? error.message() : e.what()) << '\n', 1;
  }
}
