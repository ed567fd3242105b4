// SPDX-License-Identifier: Apache-2.0
// HTTP by Boost.Beast: a Sluice stream goes wherever Beast takes a stream.
//   05_beast_http HOST PORT [CA_FILE]
#include "sluice/asio.hpp"
#include "sluice/asio/beast.hpp"  // for WebSocket, which must know how TLS is torn down

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <iostream>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

asio::awaitable<void> fetch(sluice::context tls, std::string host, std::string port) {
  const sluice::alpn_list protocols{"http/1.1"};
  auto s = co_await sluice::async_connect(tls, host, port, {.alpn = protocols});

  http::request<http::empty_body> request(http::verb::get, "/", 11);
  request.set(http::field::host, host);
  request.set(http::field::user_agent, "sluice-example");
  request.keep_alive(false);
  co_await http::async_write(s, request, asio::use_awaitable);

  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  co_await http::async_read(s, buffer, response, asio::use_awaitable);
  std::cout << response.result_int() << ' ' << response[http::field::content_type] << '\n' << response.body();
  co_await s.async_shutdown(asio::as_tuple(asio::use_awaitable));
}

int main(int argc, char** argv) try {
  if (argc < 3) return std::cerr << "usage: 05_beast_http HOST PORT [CA_FILE]\n", 1;
  sluice::client_options options;
  if (argc > 3) options.trust = sluice::trust::from_file(argv[3]).value();
  const auto tls = sluice::context::client(options).value();

  asio::io_context io;
  asio::co_spawn(io, fetch(tls, argv[1], argv[2]), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  io.run();
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
