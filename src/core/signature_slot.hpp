// SPDX-License-Identifier: Apache-2.0
// Where the signer puts a signature and the connection takes it: the only thing that they share.
#pragma once

#include "sluice/observe.hpp"
#include "sluice/private_key.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// Owned jointly by the connection and the promise, so either may vanish first.
struct signature_slot {
  struct answer {
    std::vector<std::byte> signature;
    std::optional<failure> error;
  };

  signature_slot(std::string key_name, std::shared_ptr<observer> watcher)
      : key(std::move(key_name)), watch_(std::move(watcher)), asked_(std::chrono::steady_clock::now()) {}

  static signature_promise promise_for(std::shared_ptr<signature_slot> slot) noexcept {
    return signature_promise(std::move(slot));
  }

  // Any thread. The first answer is kept and `ready` is called, outside the lock; others are refused.
  enum class repeated { reported, ignored };
  bool settle(answer given, repeated repeat);
  void drop() noexcept;  // the promise is gone; no matter if it was answered

  // Hands the request to a key. What the key throws becomes the answer.
  void start(private_key& with, const sign_request& request, signature_promise promise);

  // The asker's thread. `when_ready` runs at once if the answer is in.
  void set_ready(std::function<void()> when_ready);
  std::optional<answer> take();
  void abandon();
  bool is_wanted() const;

  const std::string key;

 private:
  void settle_without_words() noexcept;

  const std::shared_ptr<observer> watch_;
  const std::chrono::steady_clock::time_point asked_;
  mutable std::mutex gate_;
  std::optional<answer> answer_;
  bool settled_ = false;
  bool abandoned_ = false;
  bool is_starting_ = false;
  bool is_dropped_ = false;
  std::function<void()> ready_;
};

void start_signing(private_key& key, const sign_request& request, const std::shared_ptr<signature_slot>& slot);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
