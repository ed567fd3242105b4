// SPDX-License-Identifier: Apache-2.0
#include "asio/deadlines.hpp"

#include "asio/driver.hpp"

#include <boost/asio/execution/context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace detail {

deadline_service& deadline_service::of(const net::any_io_executor& executor) {
  return net::use_service<deadline_service>(net::query(executor, net::execution::context));
}

void deadline_service::add(place& at, const std::shared_ptr<driver>& one, time_point when) {
  const std::lock_guard lock(gate_);
  if (!timer_) timer_.emplace(one->executor());
  if (spare_.empty()) spare_.emplace_back();
  auto after = waiting_.end();
  while (after != waiting_.begin() && std::prev(after)->when > when) --after;
  const auto made = spare_.begin();
  *made = {.when = when, .one = one, .at = &at};
  waiting_.splice(after, spare_, made);
  at = made;
  if (!is_armed_ || when < armed_for_) arm();
}

// Without effect where look() was faster.
void deadline_service::remove(place& at) noexcept {
  const std::lock_guard lock(gate_);
  if (at) take_out(*at);
  if (!waiting_.empty() || !is_armed_) return;
  is_armed_ = false;
  timer_->cancel();
}

std::size_t deadline_service::size() const {
  const std::lock_guard lock(gate_);
  return waiting_.size();
}

void deadline_service::take_out(list::iterator one) noexcept {
  *one->at = std::nullopt;
  one->one.reset();
  spare_.splice(spare_.begin(), waiting_, one);
}

void deadline_service::arm() {
  armed_for_ = waiting_.front().when;
  is_armed_ = armed_for_ != time_point::max();
  if (!is_armed_) return;
  timer_->expires_at(armed_for_);
  // The service outlives its timer. A completion that was queued before the timer was set anew finds nothing due.
  timer_->async_wait([this](const error_code& ec) {
    if (!ec) look();
  });
}

void deadline_service::look() {
  // Collected first, and woken without the lock: posting enters an executor, which the program may have written, and
  // the last reference may be ours by now.
  std::vector<std::shared_ptr<driver>> late;
  {
    const std::lock_guard lock(gate_);
    if (!timer_) return;
    is_armed_ = false;
    const auto now = std::chrono::steady_clock::now();
    // Room first: the last reference must not be dropped here because there was none.
    late.reserve(static_cast<std::size_t>(std::ranges::count_if(waiting_, [now](auto& e) { return e.when <= now; })));
    while (!waiting_.empty() && waiting_.front().when <= now) {
      if (auto one = waiting_.front().one.lock()) late.push_back(std::move(one));
      take_out(waiting_.begin());
    }
    if (!waiting_.empty()) arm();
  }
  for (auto& one : late) driver::post_wake(std::move(one));
}

void deadline_service::shutdown() {
  const std::lock_guard lock(gate_);
  while (!waiting_.empty()) take_out(waiting_.begin());
  is_armed_ = false;
  timer_.reset();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
