// SPDX-License-Identifier: Apache-2.0
// Takes the record buffers of streams that have gone quiet: about 34 KiB each, which is most of an idle connection.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/execution_context.hpp>
#include <boost/asio/steady_timer.hpp>

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

// One an execution context. Knows the streams that wait for input and hold buffers. While there are more than `spare`
// of them it looks at them once a second: a stream that has read nothing since the last time is asked to give its
// buffers back, and is forgotten until it reads again. A stream in traffic pays for a flag and nothing else.
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
  void forget(const driver& one) noexcept;
  std::size_t size() const;

 private:
  void shutdown() override;
  void arm_or_rest();
  void look();

  mutable std::mutex gate_;
  std::unordered_map<const driver*, std::weak_ptr<driver>> watched_;
  std::optional<net::steady_timer> timer_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
