// SPDX-License-Identifier: Apache-2.0
// A user's handler on its way: carried through our waits, then called as Asio promises, on its executor and never
// inside the initiating function.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

// The handler of a wait that `Owner` begins for a user's operation. It keeps the owner alive, runs on one of the
// owner's executors, allocates as the user's handler does, and is cancelled by the owner alone.
template <class Owner, class Handler>
struct carried {
  std::shared_ptr<Owner> self;
  Handler handler;
  net::any_io_executor executor;
  net::cancellation_slot slot = {};

  using executor_type = net::any_io_executor;
  using allocator_type = net::associated_allocator_t<Handler>;
  using cancellation_slot_type = net::cancellation_slot;
  executor_type get_executor() const noexcept { return executor; }
  allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
  cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
};

template <class Handler, class... Args>
void post_completion(const net::any_io_executor& executor, Handler handler, Args... args) {
  net::post(executor, net::append(std::move(handler), std::move(args)...));
}

// From one of our own intermediate handlers, which already runs on `executor`.
template <class Handler, class... Args>
void dispatch_completion(const net::any_io_executor& executor, Handler handler, Args... args) {
  auto where = net::get_associated_executor(handler, executor);
  net::dispatch(where, net::append(std::move(handler), std::move(args)...));
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
