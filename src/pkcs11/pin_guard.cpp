// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/pin_guard.hpp"

#include "core/process_mac.hpp"
#include "pkcs11/immortal.hpp"

#include <algorithm>
#include <map>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// Kept as long as the process: forgetting what was wrong is what a restart is for.
struct all_guards {
  std::mutex gate;
  std::map<std::string, std::shared_ptr<pin_guard>> by_token;
};

}  // namespace

std::shared_ptr<pin_guard> pin_guard::of(const CK_TOKEN_INFO& token) {
  auto identity = padded_text(token.serialNumber) + '\n' + padded_text(token.label);
  auto& all = of_this_process<all_guards>();
  const std::lock_guard lock(all.gate);
  auto& guard = all.by_token[identity];
  if (!guard) {
    guard = std::make_shared<pin_guard>();
    guard->identity_ = std::move(identity);
  }
  return guard;
}

pin_guard::turn::turn(pin_guard& guard, runtime& world, runtime::duration hang_timeout) : guard_(guard) {
  std::unique_lock lock(guard.gate_);
  if (guard.holder_ != 0) {
    const auto wakes = world.make_event();
    guard.waiting_.push_back(wakes.get());
    while (guard.holder_ != 0 && world.now() < guard.held_since_ + hang_timeout) {
      wakes->wait(lock, guard.held_since_ + hang_timeout);
    }
    std::erase(guard.waiting_, wakes.get());
  }
  if (guard.holder_ != 0) guard.hanging_.insert(guard.holder_);
  guard.holder_ = number_ = ++guard.last_;
  guard.held_since_ = world.now();
}

pin_guard::turn::~turn() {
  const std::lock_guard lock(guard_.gate_);
  guard_.hanging_.erase(number_);
  // It was taken over while it hung: the turn is another's now.
  if (guard_.holder_ != number_) return;
  guard_.holder_ = 0;
  for (auto* one : guard_.waiting_) one->notify_all();
}

pin_guard::advice pin_guard::ask(std::string_view pin) {
  const auto asked = digest_of(pin);
  const std::lock_guard lock(gate_);
  if (wrong_.contains(asked)) return advice::known_wrong;
  return hanging_.empty() || right_ == asked ? advice::send : advice::unanswered;
}

void pin_guard::note(std::string_view pin, bool is_right) {
  const auto noted = digest_of(pin);
  const std::lock_guard lock(gate_);
  if (is_right) {
    right_ = noted;
  } else {
    // It was right once, and has been changed.
    if (right_ == noted) right_.reset();
    wrong_.insert(noted);
  }
}

pin_guard::digest pin_guard::digest_of(std::string_view pin) const {
  return sluice::internal::process_mac(identity_, pin);
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
