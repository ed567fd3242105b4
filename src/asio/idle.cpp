// SPDX-License-Identifier: Apache-2.0
#include "asio/idle.hpp"

#include "asio/driver.hpp"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/post.hpp>

#include <vector>

namespace sluice {
inline namespace v0 {
namespace detail {

idle_service& idle_service::of(const net::any_io_executor& executor) {
  return net::use_service<idle_service>(net::query(executor, net::execution::context));
}

void idle_service::watch(const std::shared_ptr<driver>& one) {
  const std::lock_guard lock(gate_);
  watched_.insert_or_assign(one.get(), one);  // its address may have been that of a stream that is gone
  begin_to_look(*one);
}

void idle_service::join_crowd(const driver& one) {
  const std::lock_guard lock(gate_);
  begin_to_look(one);
}

// With the lock held.
void idle_service::begin_to_look(const driver& one) {
  if (timer_ || watched_.empty() || !is_crowded()) return;
  // Any stream's executor will do: the timer needs a way into the context they share, and look() locks.
  timer_.emplace(one.executor());
  arm_or_rest();
}

void idle_service::forget(const driver& one) noexcept {
  const std::lock_guard lock(gate_);
  watched_.erase(&one);
  if (watched_.empty() || !is_crowded()) timer_.reset();
}

std::size_t idle_service::size() const {
  const std::lock_guard lock(gate_);
  return watched_.size();
}

void idle_service::arm_or_rest() {
  if (watched_.empty() || !is_crowded()) return timer_.reset();
  timer_->expires_after(period);
  // The service outlives its timer, which is reset with the lock held. look() may still run once after that, when the
  // completion was queued already; it looks at `timer_` again.
  timer_->async_wait([this](const error_code& ec) {
    if (!ec) look();
  });
}

void idle_service::look() {
  // Collected first, and posted to or dropped without the lock: posting enters an executor, which the program may have
  // written, and the last reference may be ours by now, so that dropping it runs the program's code too.
  std::vector<std::shared_ptr<driver>> quiet, others;
  {
    const std::lock_guard lock(gate_);
    std::erase_if(watched_, [&](const auto& entry) {
      auto d = entry.second.lock();
      if (!d) return true;
      const bool is_quiet = !d->has_read_.exchange(false, std::memory_order_relaxed);
      if (is_quiet) d->is_watched_ = false;
      (is_quiet ? quiet : others).push_back(std::move(d));
      return is_quiet;
    });
    if (timer_) arm_or_rest();
  }
  for (auto& d : quiet) {
    const auto where = d->executor();
    net::post(where, [d = std::move(d)] { d->release_if_quiet(); });
  }
}

void idle_service::shutdown() {
  std::vector<std::shared_ptr<driver>> held;  // dropped without the lock, as in look()
  const std::lock_guard lock(gate_);
  for (const auto& [key, weak] : watched_) {
    if (auto d = weak.lock()) {
      d->is_watched_ = false;
      held.push_back(std::move(d));
    }
  }
  watched_.clear();
  timer_.reset();
}

// --- The stream's part, in its turn. ---

// In the driver's turn. Registering costs a lock and a node, so it is done once, and undone by look() when the stream
// has been quiet for a period: a stream in traffic finds is_watched_ set and does nothing else.
void driver::begin_quiet() {
  is_quiet_ = true;
  if (is_watched_.load(std::memory_order_relaxed)) return;
  if (idle_ == nullptr) {
    idle_ = &idle_service::of(executor());
    population_ = idle_->streams();
    population_->fetch_add(1, std::memory_order_relaxed);
  }
  if (!has_returned_data_ && idle_->is_crowded()) {
    release_if_quiet_now();
    return idle_->join_crowd(*this);
  }
  is_watched_ = true;
  idle_->watch(shared_from_this());
}

void driver::leave_population() noexcept {
  if (population_) population_->fetch_sub(1, std::memory_order_relaxed);
}

void driver::end_quiet() noexcept {
  is_quiet_ = false;
  has_read_.store(true, std::memory_order_relaxed);
}

void driver::release_if_quiet() noexcept {
  const turn mine(gate_, turn_gate::step);
  release_if_quiet_now();
}

// Since look() it may have begun to read or to write.
void driver::release_if_quiet_now() noexcept {
  if (is_quiet_ && !writing_.is_active && !bounded_.is_active) tls_.release_buffers();
}

// There will be no more waiting for input, or not soon.
void driver::forget_idle() noexcept {
  if (is_watched_.exchange(false)) idle_->forget(*this);
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
