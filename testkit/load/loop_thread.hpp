// SPDX-License-Identifier: Apache-2.0
// An event loop on a thread of its own.
#pragma once

#include "sluice/library.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <thread>

namespace sluice::testkit {

class loop_thread {
 public:
  loop_thread()
      : work_(boost::asio::make_work_guard(io_)), thread_([this] {
          const tls_library::thread_scope scope;
          io_.run();
        }) {}
  loop_thread(const loop_thread&) = delete;
  loop_thread& operator=(const loop_thread&) = delete;
  ~loop_thread() { stop(); }

  boost::asio::io_context& io() noexcept { return io_; }

  // What is under way is abandoned; the thread has ended when this returns.
  void stop() {
    work_.reset();
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  // Runs a coroutine here. The future throws what the coroutine throws, std::future_error when the loop was stopped.
  template <class T>
  std::future<T> run(boost::asio::awaitable<T> work) {
    return boost::asio::co_spawn(io_, std::move(work), boost::asio::use_future);
  }

 private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace sluice::testkit
