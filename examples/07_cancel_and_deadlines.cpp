// SPDX-License-Identifier: Apache-2.0
// Waiting no longer than one likes: a deadline on each read, which leaves the stream whole, and Ctrl-C for everything.
//   07_cancel_and_deadlines HOST PORT CA_FILE
#include "sluice/asio.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace asio = boost::asio;
using namespace std::chrono_literals;

asio::awaitable<void> talk(sluice::context tls, std::string host, std::string port) {
  // One deadline for name lookup, TCP, TLS and the server's private key together.
  auto s = co_await sluice::async_connect(tls, host, port, {.timeout = 5s});
  s.set_timeouts(10s, 1s);  // for shutdown, which waits for the server's word

  const std::string request = "GET / HTTP/1.0\r\n\r\n";
  std::string buffer(4096, '\0');
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(500ms);
    // The first to end cancels the other. Both results are kept: bytes that come at the last moment are not lost, as
    // the operator || would lose them, and a read that was cancelled has taken nothing from the stream.
    auto both = asio::experimental::make_parallel_group(s.async_read_some(asio::buffer(buffer), asio::deferred),
                                                        timer.async_wait(asio::deferred));
    auto [order, ec, size, late] = co_await both.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    std::cout.write(buffer.data(), static_cast<std::streamsize>(size));
    if (ec == asio::error::operation_aborted) {
      std::cout << "(silence)" << std::endl;
      co_await asio::async_write(s, asio::buffer(request), asio::use_awaitable);
    } else if (ec) {
      if (ec != asio::error::eof) throw boost::system::system_error(ec);
      break;
    }
  }
  co_await s.async_shutdown();
}

int main(int argc, char** argv) try {
  if (argc < 4) return std::cerr << "usage: 07_cancel_and_deadlines HOST PORT CA_FILE\n", 1;
  const auto tls = sluice::context::client({.trust = sluice::trust::from_file(argv[3]).value()}).value();
  asio::io_context io;
  asio::cancellation_signal stop;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&stop](auto, int) { stop.emit(asio::cancellation_type::terminal); });
  asio::co_spawn(io, talk(tls, argv[1], argv[2]), asio::bind_cancellation_slot(stop.slot(), [&](auto thrown) {
                   signals.cancel();
                   if (thrown) std::rethrow_exception(thrown);
                 }));
  io.run();
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
