// SPDX-License-Identifier: Apache-2.0
// Our client as one that comes back: has a line echoed over two connections, the second with the session of the first.
//   peer_resumer PORT CA_FILE      for each a line: the version, "full" or "resumed", the echo
#include "sluice/asio.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<void> talk(sluice::context tls, std::string port, sluice::failure& error) {
  auto s = co_await sluice::async_connect(tls, "localhost", port, {.timeout = 60s, .failure = &error});
  const std::string words = "the quick brown fox jumps over the lazy dog\n";
  co_await asio::async_write(s, asio::buffer(words), asio::use_awaitable);
  std::string echo;  // behind it, or before, has come what a later connection resumes with
  co_await asio::async_read_until(s, asio::dynamic_buffer(echo), '\n', asio::use_awaitable);
  std::cout << s.info().version << ' ' << (s.info().resumed ? "resumed" : "full") << ' ' << echo;
  co_await s.async_shutdown(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> talk_often(sluice::context tls, std::string port, int times, sluice::failure& error) {
  for (int i = 0; i < times; ++i) co_await talk(tls, port, error);
}

int main(int argc, char** argv) {
  if (argc != 4) return std::cerr << "usage: peer_resumer PORT CA_FILE TIMES\n", 1;
  sluice::failure error;
  try {
    sluice::client_options options;
    options.trust = sluice::trust::from_file(argv[2]).value();
    options.sessions = sluice::make_session_store();
    const auto tls = sluice::context::client(options).value();
    asio::io_context io;
    asio::co_spawn(io, talk_often(tls, argv[1], std::stoi(argv[3]), error), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
    io.run();
  } catch (const std::exception& e) {
    return std::cerr << (error.code ? error.message() : e.what()) << '\n', 1;
  }
}
