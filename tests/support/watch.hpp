// SPDX-License-Identifier: Apache-2.0
// An observer that keeps what it is told, and a clock that a test moves.
#pragma once

#include "sluice/clock.hpp"
#include "sluice/connection.hpp"
#include "sluice/observe.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

class recorder final : public observer {
 public:
  struct handshake_record {
    bool is_server = false;
    std::optional<connection_info> info;
    std::optional<failure> error;
    std::chrono::nanoseconds duration{}, signing{};
    connection_statistics counted;
  };
  struct signature_record {
    std::string key;
    std::optional<failure> error;
    std::chrono::nanoseconds waited{};
  };

  struct closed_record {
    bool is_server = false;
    std::optional<connection_info> info;
    std::optional<failure> error;
    connection_statistics counted;
  };

  std::vector<handshake_record> handshakes() const { return locked(handshakes_); }
  std::vector<signature_record> signatures() const { return locked(signatures_); }
  std::vector<failure> failures() const { return locked(failures_); }
  std::vector<std::string> warnings() const { return locked(warnings_); }
  std::vector<closed_record> closed() const { return locked(closed_); }

  void on_handshake(const handshake_event& e) noexcept override {
    const std::lock_guard lock(gate_);
    handshakes_.push_back({e.is_server, e.info ? std::optional(*e.info) : std::nullopt,
                           e.error ? std::optional(*e.error) : std::nullopt, e.duration, e.signing, *e.statistics});
  }
  void on_signature(const signature_event& e) noexcept override {
    const std::lock_guard lock(gate_);
    signatures_.push_back({std::string(e.key), e.error ? std::optional(*e.error) : std::nullopt, e.waited});
  }
  void on_failure(const failure& error) noexcept override {
    const std::lock_guard lock(gate_);
    failures_.push_back(error);
  }
  void on_warning(std::string_view text) noexcept override {
    const std::lock_guard lock(gate_);
    warnings_.emplace_back(text);
  }
  void on_closed(const closed_event& e) noexcept override {
    const std::lock_guard lock(gate_);
    closed_.push_back({e.is_server, e.info ? std::optional(*e.info) : std::nullopt,
                       e.error ? std::optional(*e.error) : std::nullopt, *e.statistics});
  }

 private:
  template <class T>
  T locked(const T& records) const {
    const std::lock_guard lock(gate_);
    return records;
  }
  mutable std::mutex gate_;
  std::vector<handshake_record> handshakes_;
  std::vector<signature_record> signatures_;
  std::vector<failure> failures_;
  std::vector<std::string> warnings_;
  std::vector<closed_record> closed_;
};

// Stands still at the moment it was made, until it is moved.
class manual_clock final : public clock {
 public:
  std::chrono::system_clock::time_point now() const noexcept override { return began_wall_ + moved(); }
  std::chrono::steady_clock::time_point steady() const noexcept override { return began_steady_ + moved(); }
  void advance(std::chrono::nanoseconds by) noexcept { moved_ += by.count(); }

 private:
  std::chrono::nanoseconds moved() const noexcept { return std::chrono::nanoseconds(moved_.load()); }
  const std::chrono::system_clock::time_point began_wall_ = std::chrono::system_clock::now();
  const std::chrono::steady_clock::time_point began_steady_ = std::chrono::steady_clock::now();
  std::atomic<std::int64_t> moved_{0};
};

}  // namespace sluice::test
