// SPDX-License-Identifier: Apache-2.0
// Runs a coroutine on this thread, to its end or to Ctrl-C.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <optional>

namespace sluice::tool {

// Nothing when SIGINT or SIGTERM came first; what the coroutine held is gone then. What it throws is thrown.
template <class T>
std::optional<T> run_to_end(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
  std::optional<T> made;
  std::exception_ptr thrown;
  {
    boost::asio::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&io](boost::system::error_code ec, int) {
      if (!ec) io.stop();
    });
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr e, T value) {
      thrown = e;
      made.emplace(std::move(value));
      io.stop();
    });
    io.run();
  }
  if (thrown) std::rethrow_exception(thrown);
  // A failed connection still has its alert to send; a peer that does not close is not waited for.
  io.restart();
  if (made) io.run_for(std::chrono::milliseconds(200));
  return made;
}

}  // namespace sluice::tool
