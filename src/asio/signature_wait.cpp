// SPDX-License-Identifier: Apache-2.0
#include "asio/signature_wait.hpp"

#include "asio/driver.hpp"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace detail {

// One an execution context: knows every wait that could still post to it.
// Asio calls shutdown() of its services before the context's executors become invalid, which is the one moment at which
// all waits can be cut off. Waits are held weakly: the list names the waits that may still post, and keeps none alive.
class signature_service final : public net::execution_context::service {
 public:
  static inline net::execution_context::id id;
  explicit signature_service(net::execution_context& owner) : service(owner) {}

  void add(const std::shared_ptr<signature_wait>& wait) {
    const std::lock_guard lock(gate_);
    // Doubling keeps the cost of sweeping constant for each wait that is added.
    if (waits_.size() >= sweep_at_) {
      std::erase_if(waits_, [](const auto& other) { return other.expired(); });
      sweep_at_ = std::max<std::size_t>(64, 2 * waits_.size());
    }
    waits_.push_back(wait);
  }

 private:
  void shutdown() override {
    const std::lock_guard lock(gate_);
    for (const auto& weak : waits_) {
      if (const auto wait = weak.lock()) wait->detach();
    }
    waits_.clear();
  }

  std::mutex gate_;
  std::vector<std::weak_ptr<signature_wait>> waits_;
  std::size_t sweep_at_ = 64;
};

std::shared_ptr<signature_wait> signature_wait::create(std::weak_ptr<driver> target,
                                                       const net::any_io_executor& executor) {
  auto wait = std::make_shared<signature_wait>();
  // Before it is added: from then on shutdown() may detach it, on another thread.
  wait->executor_ = executor;
  wait->target_ = std::move(target);
  auto& context = net::query(executor, net::execution::context);
  net::use_service<signature_service>(context).add(wait);
  return wait;
}

signature_wait::~signature_wait() = default;

void signature_wait::ready() noexcept {
  const std::lock_guard lock(gate_);
  // Detached: the context is gone, or going. The driver that waited is destroyed with it.
  if (!executor_) return;
  try {
    net::post(executor_, [target = target_] {
      if (const auto d = target.lock()) d->wake();
    });
  } catch (...) {
    // No memory to post with: the deadline ends the wait.
  }
}

void signature_wait::detach() noexcept {
  const std::lock_guard lock(gate_);
  executor_ = {};
  target_.reset();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
