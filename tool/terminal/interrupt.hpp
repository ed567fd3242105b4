// SPDX-License-Identifier: Apache-2.0
// Ctrl-C for verbs that work step by step: noticed between the steps, so that what was made is put away.
#pragma once

#include <chrono>
#include <csignal>
#include <future>

namespace sluice::tool {

// From construction to destruction SIGINT and SIGTERM only raise a flag. One at a time.
class interrupt_watch {
 public:
  interrupt_watch();
  interrupt_watch(const interrupt_watch&) = delete;
  interrupt_watch& operator=(const interrupt_watch&) = delete;
  ~interrupt_watch();

  bool is_raised() const noexcept;
  void check() const;  // throws sluice::error, errc::cancelled, once the flag is up

  template <class T>
  T wait(std::future<T> work) const {
    while (work.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready) check();
    return work.get();
  }

 private:
  struct sigaction before_int_ {
  }, before_term_{};
};

}  // namespace sluice::tool
