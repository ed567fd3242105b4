// SPDX-License-Identifier: Apache-2.0
// From a worker thread back to a stream's executor, safely even when the execution context is already gone.
#pragma once

#include "sluice/asio/net.hpp"

#include <memory>
#include <mutex>

namespace sluice {
inline namespace v0 {
namespace detail {

class driver;

// Shared by a driver that waits for a private key and by the key's worker. The context's shutdown detaches it
// (through a service): a worker that answers later finds no executor to post to.
// The worker that answers holds the wait, which holds the driver weakly: neither keeps the other alive. ready() posts
// with `gate_` held, so that the context cannot go away between the look at `executor_` and the post: its shutdown
// waits in detach().
class signature_wait {
 public:
  static std::shared_ptr<signature_wait> create(std::weak_ptr<driver> target, const net::any_io_executor& executor);
  ~signature_wait();

  void ready() noexcept;   // any thread: posts a wake-up
  void detach() noexcept;  // any thread: from now on ready() does nothing

 private:
  friend class signature_service;
  std::mutex gate_;
  net::any_io_executor executor_;
  std::weak_ptr<driver> target_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
