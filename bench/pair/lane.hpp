// SPDX-License-Identifier: Apache-2.0
// An event loop on a thread of its own, whose CPU time anybody may read.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <pthread.h>
#include <time.h>

#include <thread>

namespace bench {

// `Scope` lives on the thread, around the loop.
template <class Scope>
class lane {
 public:
  lane()
      : work_(boost::asio::make_work_guard(io_)), thread_([this] {
          [[maybe_unused]] const Scope scope{};
          io_.run();
        }) {
    ::pthread_getcpuclockid(thread_.native_handle(), &clock_);
  }
  lane(const lane&) = delete;
  lane& operator=(const lane&) = delete;
  ~lane() {
    work_.reset();
    io_.stop();
    thread_.join();
  }

  boost::asio::io_context& io() noexcept { return io_; }

  // Seconds that the thread has run, in the kernel too.
  double cpu() const noexcept {
    timespec spent{};
    ::clock_gettime(clock_, &spent);
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
  }

 private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::thread thread_;
  clockid_t clock_{};
};

}  // namespace bench
