// SPDX-License-Identifier: Apache-2.0
// A user's handler on its way: carried through our waits, then called as Asio promises, on its executor and never
// inside the initiating function.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

// The executor of an object, in the forms in which it is compared and posted to for each operation. A handler without
// an executor of its own, or with an equal one, is at home there: it is called where its operation ends, without
// another trip through the scheduler.
class home_executor {
 public:
  explicit home_executor(net::any_io_executor executor)
      : any_(std::move(executor)), completion_(any_), loop_(any_.target<net::io_context::executor_type>()) {}
  home_executor(const home_executor&) = delete;
  home_executor& operator=(const home_executor&) = delete;

  const net::any_io_executor& any() const noexcept { return any_; }
  // Null unless it is an io_context's own, to which posting is cheaper by its type.
  const net::io_context::executor_type* loop() const noexcept { return loop_; }
  net::any_completion_executor executor_of(const auto& handler) const {
    return net::get_associated_executor(handler, completion_);
  }
  bool is(const net::any_completion_executor& other) const { return other == completion_; }

 private:
  const net::any_io_executor any_;
  const net::any_completion_executor completion_;  // the same
  const net::io_context::executor_type* const loop_;
};

// The handler of a wait that `Owner` begins for a user's operation. It keeps the owner alive, runs on one of the
// owner's executors, allocates as the user's handler does, and is cancelled by the owner alone.
template <class Owner, class Handler>
struct carried {
  std::shared_ptr<Owner> self;
  Handler handler;
  const net::any_io_executor* executor;  // a member of the owner
  net::cancellation_slot slot = {};

  using executor_type = net::any_io_executor;
  using allocator_type = net::associated_allocator_t<Handler>;
  using cancellation_slot_type = net::cancellation_slot;
  executor_type get_executor() const noexcept { return *executor; }
  allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
  cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
};

// A handler with its arguments. It has no associated executor, so that it runs where it is posted to.
template <class Handler, class... Args>
struct bound_completion {
  Handler handler;
  std::tuple<Args...> args;

  using allocator_type = net::associated_allocator_t<Handler>;
  allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
  void operator()() { std::apply(std::move(handler), std::move(args)); }
};

// From an initiating function, or from anywhere else.
template <class Handler, class... Args>
void post_completion(const home_executor& home, Handler handler, Args... args) {
  if (!home.is(home.executor_of(handler)))
    return net::post(home.any(), net::append(std::move(handler), std::move(args)...));
  bound_completion<Handler, Args...> bound{std::move(handler), {std::move(args)...}};
  if (home.loop() != nullptr) return net::post(*home.loop(), std::move(bound));
  net::post(home.any(), std::move(bound));
}

// From one of our own intermediate handlers, which already runs on `home`.
template <class Handler, class... Args>
void dispatch_completion(const home_executor& home, Handler handler, Args... args) {
  const auto where = home.executor_of(handler);
  if (home.is(where)) return std::move(handler)(std::move(args)...);
  net::dispatch(where, net::append(std::move(handler), std::move(args)...));
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
