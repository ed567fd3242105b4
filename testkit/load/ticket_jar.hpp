// SPDX-License-Identifier: Apache-2.0
// Sessions for clients that all resume: as many are put in as will be taken out.
#pragma once

#include "sluice/session.hpp"

#include <deque>
#include <mutex>

namespace sluice::testkit {

// One server's. Closed at first: it is filled by full handshakes, until open() lets sessions out.
class ticket_jar final : public session_store {
 public:
  explicit ticket_jar(std::size_t most) : most_(most) {}

  void put(std::string_view, std::span<const std::byte> session, std::chrono::seconds) override {
    const std::lock_guard lock(gate_);
    if (sessions_.size() >= most_) sessions_.pop_front();
    sessions_.emplace_back(session);
  }
  std::optional<secret> take(std::string_view) override {
    const std::lock_guard lock(gate_);
    if (!is_open_ || sessions_.empty()) return std::nullopt;
    auto newest = std::move(sessions_.back());
    sessions_.pop_back();
    return newest;
  }

  void open() {
    const std::lock_guard lock(gate_);
    is_open_ = true;
  }
  std::size_t size() const {
    const std::lock_guard lock(gate_);
    return sessions_.size();
  }

 private:
  const std::size_t most_;
  mutable std::mutex gate_;
  std::deque<secret> sessions_;
  bool is_open_ = false;
};

}  // namespace sluice::testkit
