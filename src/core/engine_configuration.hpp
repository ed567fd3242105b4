// SPDX-License-Identifier: Apache-2.0
// The engine's configuration of a context, and the owner of the next one.
#pragma once

#include "core/base/handles.hpp"
#include "core/connection_pool.hpp"
#include "core/ticket_schedule.hpp"
#include "sluice/context.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace sluice {
inline namespace v0 {
namespace internal {

struct engine_setup {
  config_handle config;
  connection_pool pool;  // behind `config`, which its connections point into: destroyed before it
};
// A connection keeps the one that it began with.
using engine_configuration = std::shared_ptr<engine_setup>;

// What a context gives to connections that begin. A configuration that was given out is never changed (P27): another
// takes its place.
class engine_source {
 public:
  // The first one. Called once, before the source is shared.
  result<void> start(context::state& of);
  // Any thread. Where the next one cannot be made, it is the old one, and the observer is warned.
  engine_configuration current(const context::state& of) const;

 private:
  using time_point = std::chrono::system_clock::time_point;

  engine_configuration replace(const context::state& of, time_point now, std::optional<failure>& error) const;

  bool is_late_ = false;              // the anchors come with the first connection, and until then
  mutable std::once_flag first_use_;  // current_ is not complete
  mutable std::mutex gate_;
  mutable engine_configuration current_;
  mutable ticket_schedule::window keys_;
  mutable time_point next_try_{};  // after one that failed
};

struct made_configuration {
  engine_configuration engine;
  bool asks_for_staple = false;
};
// A system's hundred and more anchors are most of the cost of a client's context: they may be added when its first
// connection begins, before which nothing uses the configuration.
enum class anchors : std::uint8_t { now, later };
// Applies all of a context's state to the engine, but for tickets' keys.
result<made_configuration> make_configuration(const context::state& of, anchors when = anchors::now);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
