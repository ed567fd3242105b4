// SPDX-License-Identifier: Apache-2.0
// Takes the record buffers of streams that have gone quiet: about 34 KiB each, which is most of an idle connection.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace sluice::inline v0::detail {

class driver;

// One an execution context. Knows the streams that wait for input and hold buffers, and looks at them once a second:
// who has read nothing since the last time is asked to give its buffers back, and is forgotten until it reads again.
// A stream in traffic pays for a flag and nothing else. The timer runs only while somebody is watched, so that it
// holds io_context::run() for a second at most, and not at all when streams have ended or are gone.
class idle_service final : public net::execution_context::service {
 public:
  static constexpr auto period = std::chrono::seconds(1);
  static inline net::execution_context::id id;
  explicit idle_service(net::execution_context& owner) : service(owner) {}

  static idle_service& of(const net::any_io_executor& executor);
  void watch(const std::shared_ptr<driver>& one);
  void forget(const driver& one) noexcept;
  std::size_t size() const;

 private:
  void shutdown() override;
  void arm();
  void look();

  mutable std::mutex gate_;
  std::unordered_map<const driver*, std::weak_ptr<driver>> watched_;
  std::optional<net::steady_timer> timer_;
};

}  // namespace sluice::inline v0::detail
