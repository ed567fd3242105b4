// SPDX-License-Identifier: Apache-2.0
// Takes the record buffers of streams that have gone quiet: about 34 KiB each, which is most of an idle connection.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

namespace sluice {
inline namespace v0 {
namespace detail {

class driver;

// One an execution context. Knows the streams that wait for input and hold buffers. While the context has more than
// `spare` streams, it looks at those once a second: a stream that has read nothing since the last time is asked to give
// its buffers back, and is forgotten until it reads again. A stream in traffic pays for a flag and nothing else.
//
// With that many streams, one that waits without having read anything since its handshake gives its buffers back at
// once. Otherwise many clients that connect and stay quiet would all have theirs at the same time, and the memory that
// is free a second later is mostly kept by the allocator.
//
// A timer is work for io_context::run(), which must end when the program has none left. A program with few streams
// never sees one, so run() ends at once; with many that live on without reading, it may be two seconds late.
// `is_watched_` of a driver says that it is in `watched_`, and is what keeps the lock out of the way of every read: set
// in the driver's turn before watch(), cleared here when the driver is taken out. `gate_` is held for the map and the
// timer; nothing of a driver is called with it but its atomic flags and its executor. The buffers are released on the
// stream's own executor.
class idle_service final : public net::execution_context::service {
 public:
  // Where there are enough streams, one that has read nothing for one to two periods gives its buffers back.
  static constexpr auto period = std::chrono::seconds(1);
  static constexpr std::size_t spare = 64;  // streams whose buffers are not worth a timer: about 2 MiB
  static inline net::execution_context::id id;
  explicit idle_service(net::execution_context& owner) : service(owner) {}

  static idle_service& of(const net::any_io_executor& executor);
  void watch(const std::shared_ptr<driver>& one);
  // For a stream that holds no buffers: it may be the one that makes them many.
  void join_crowd(const driver& one);
  void forget(const driver& one) noexcept;
  std::size_t size() const;

  // The number of streams of the context that have waited for input, and live. It may outlive the service.
  using population = std::shared_ptr<std::atomic<std::size_t>>;
  const population& streams() const noexcept { return streams_; }
  bool is_crowded() const noexcept { return streams_->load(std::memory_order_relaxed) > spare; }

 private:
  void shutdown() override;
  void begin_to_look(const driver& one);
  void arm_or_rest();
  void look();

  const population streams_ = std::make_shared<std::atomic<std::size_t>>(0);
  mutable std::mutex gate_;
  std::unordered_map<const driver*, std::weak_ptr<driver>> watched_;
  std::optional<net::steady_timer> timer_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
