// SPDX-License-Identifier: Apache-2.0
// Type erasure of a user's completion handler that keeps Asio's guarantees about it.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>

#include <type_traits>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

// An operation counts as outstanding work of its handler's executor until it completes, so that an event loop which
// runs nothing but completion handlers does not end before them. `work` is empty if that executor is the operation's
// own.
template <class Handler>
struct working_handler {
  Handler handler;
  net::any_completion_executor work;

  template <class... Args>
  void operator()(Args&&... args) {
    std::move(handler)(std::forward<Args>(args)...);
  }
};

template <class Handler, class Executor>
net::any_completion_executor work_for(const Handler& handler, const Executor& own) {
  const auto theirs = net::get_associated_executor(handler, own);
  if constexpr (std::is_same_v<decltype(theirs), const Executor>) {
    if (theirs == own) return {};
  }
  return net::any_completion_executor(net::prefer(theirs, net::execution::outstanding_work.tracked));
}

// `own` is the executor of the object that the operation belongs to.
template <class... Args, class Handler, class Executor>
erased_handler<Args...> erase_handler(Handler&& handler, const Executor& own) {
  auto work = work_for(handler, own);
  return erased_handler<Args...>(
      working_handler<std::decay_t<Handler>>{std::forward<Handler>(handler), std::move(work)});
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice

// Executor, allocator and cancellation slot are the handler's.
template <template <class, class> class Associator, class Handler, class Default>
struct boost::asio::associator<Associator, sluice::detail::working_handler<Handler>, Default>
    : Associator<Handler, Default> {
  static decltype(auto) get(const sluice::detail::working_handler<Handler>& h) noexcept {
    return Associator<Handler, Default>::get(h.handler);
  }
  static decltype(auto) get(const sluice::detail::working_handler<Handler>& h, const Default& otherwise) noexcept {
    return Associator<Handler, Default>::get(h.handler, otherwise);
  }
};
