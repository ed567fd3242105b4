// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/runtime.hpp"

#include "pkcs11/immortal.hpp"
#include "pkcs11/worker_threads.hpp"

#include "sluice/library.hpp"

#include <condition_variable>
#include <random>
#include <thread>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

class system_event final : public runtime::event {
 public:
  void wait(std::unique_lock<std::mutex>& lock, runtime::time_point until) override {
    const worker_threads::parked waiting;
    if (until == runtime::never) {
      changed_.wait(lock);
    } else {
      changed_.wait_until(lock, until);
    }
  }
  void notify_one() noexcept override { changed_.notify_one(); }
  void notify_all() noexcept override { changed_.notify_all(); }

 private:
  std::condition_variable changed_;
};

class system_runtime final : public runtime {
 public:
  time_point now() const noexcept override { return clock_type::now(); }
  void sleep_until(time_point when) override { std::this_thread::sleep_until(when); }
  bool start(std::function<void()> body) noexcept override {
    return worker_threads::start([body = std::move(body)] {
      // A worker uses AWS-LC too, to verify what a token has signed; AWS-LC keeps state for each thread.
      const sluice::tls_library::thread_scope scope;
      body();
    });
  }
  std::unique_ptr<event> make_event() override { return std::make_unique<system_event>(); }
  const void* this_thread() const noexcept override {
    thread_local const char mine = 0;
    return &mine;
  }
  std::uint32_t seed() override { return std::random_device()(); }
};

}  // namespace

runtime& runtime::system() { return of_this_process<system_runtime>(); }

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
