// SPDX-License-Identifier: Apache-2.0
// How many sessions a token gives: fewer than were asked for while it refuses more, and carefully more again later.
#pragma once

#include "pkcs11/runtime.hpp"

#include <algorithm>
#include <cstddef>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// At any time 1 <= now() <= most(). While `is_trying_`, one of now() is on trial: whether the token gives it is not
// known yet, and no other is tried. A trial ends with opened() or refused().
class session_limit {
 public:
  using time_point = runtime::time_point;

  explicit session_limit(std::size_t most) : most_(std::max<std::size_t>(most, 1)), now_(most_) {}

  std::size_t most() const noexcept { return most_; }
  std::size_t now() const noexcept { return now_; }

  // One more than `open` was refused; each time in a row the next try waits twice as long.
  void refused(std::size_t open, time_point when) noexcept {
    now_ = std::clamp<std::size_t>(open, 1, most_);
    wait_ = is_trying_ ? std::min<runtime::duration>(2 * wait_, longest_wait) : runtime::duration(first_wait);
    is_trying_ = false;
    grow_at_ = when + wait_;
  }

  // So many are open now, one of them new: it may have been begun before a limit was learnt.
  void opened(std::size_t open, time_point when) noexcept {
    if (is_trying_ && open >= now_) {
      is_trying_ = false;
      wait_ = first_wait;
      grow_at_ = when + next_step;
    }
    now_ = std::min(std::max(now_, open), most_);
  }

  // One more may be tried. Not before the last one was.
  void grow_if_due(time_point when) noexcept {
    if (now_ >= most_ || is_trying_ || when < grow_at_) return;
    ++now_;
    is_trying_ = true;
  }
  time_point next_growth() const noexcept { return now_ < most_ && !is_trying_ ? grow_at_ : runtime::never; }

 private:
  static constexpr auto first_wait = std::chrono::seconds(2);
  static constexpr auto next_step = std::chrono::milliseconds(500);
  static constexpr auto longest_wait = std::chrono::seconds(60);

  std::size_t most_;
  std::size_t now_;
  bool is_trying_ = false;
  runtime::duration wait_ = first_wait;
  time_point grow_at_{};
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
