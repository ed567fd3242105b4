// SPDX-License-Identifier: Apache-2.0
#include "sluice/session.hpp"

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <mutex>

namespace sluice {
inline namespace v0 {
namespace {

using std::chrono::steady_clock;

class memory_store final : public session_store {
 public:
  memory_store(std::size_t capacity, std::size_t per_key, std::shared_ptr<const clock> time)
      : capacity_(capacity), per_key_(per_key), clock_(std::move(time)) {}

  void put(std::string_view key, std::span<const std::byte> session, std::chrono::seconds lifetime) override {
    const auto now = time();
    const bool is_endless = lifetime > std::chrono::floor<std::chrono::seconds>(steady_clock::time_point::max() - now);
    const auto expires = is_endless ? steady_clock::time_point::max() : now + lifetime;
    const std::lock_guard lock(gate_);
    auto& entry = touch(std::string(key));
    entry.push_front({secret(session), expires});
    if (entry.size() > per_key_) entry.pop_back();
    if (order_.size() > capacity_) {
      entries_.erase(order_.back());
      order_.pop_back();
    }
  }

  std::optional<secret> take(std::string_view key) override {
    const auto now = time();
    const std::lock_guard lock(gate_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    auto& kept = found->second.sessions;
    while (!kept.empty()) {
      auto newest = std::move(kept.front());
      kept.pop_front();
      if (newest.expires > now) return std::move(newest.session);
    }
    return std::nullopt;
  }

 private:
  struct waiting {
    secret session;
    steady_clock::time_point expires;
  };
  struct key_entry {
    std::deque<waiting> sessions;
    std::list<std::string>::iterator place;
  };

  steady_clock::time_point time() const noexcept { return clock_ ? clock_->steady() : steady_clock::now(); }

  std::deque<waiting>& touch(const std::string& key) {
    auto found = entries_.find(key);
    if (found == entries_.end()) {
      order_.push_front(key);
      found = entries_.emplace(key, key_entry{{}, order_.begin()}).first;
    } else {
      order_.splice(order_.begin(), order_, found->second.place);
    }
    return found->second.sessions;
  }

  const std::size_t capacity_, per_key_;
  const std::shared_ptr<const clock> clock_;
  std::mutex gate_;
  std::list<std::string> order_;  // most recently used first
  std::map<std::string, key_entry, std::less<>> entries_;
};

}  // namespace

std::shared_ptr<session_store> make_session_store(std::size_t capacity, std::size_t per_key,
                                                  std::shared_ptr<const clock> clock) {
  return std::make_shared<memory_store>(std::max<std::size_t>(capacity, 1), std::max<std::size_t>(per_key, 1),
                                        std::move(clock));
}

}  // namespace v0
}  // namespace sluice
