// SPDX-License-Identifier: Apache-2.0
// Type erasure of a user's completion handler that keeps Asio's guarantees about it.
#pragma once

#include "sluice/asio/net.hpp"
#include "sluice/error.hpp"

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

// Rounds up what it takes from the handler's allocator. All memory of an operation then comes in pieces of one size,
// and the cache of a thread, which keeps two, has the one that the next operation needs: an operation allocates nothing
// while the program is under way.
template <class T, class Base>
class roomy_allocator {
  struct alignas(alignof(std::max_align_t)) piece {
    std::byte room[256];
  };
  using pieces = typename std::allocator_traits<Base>::template rebind_alloc<piece>;
  static constexpr std::size_t pieces_of(std::size_t bytes) { return (bytes + sizeof(piece) - 1) / sizeof(piece); }

 public:
  using value_type = T;
  template <class U>
  struct rebind {
    using other = roomy_allocator<U, Base>;
  };

  explicit roomy_allocator(const Base& base) noexcept : base_(base) {}
  template <class U>
  roomy_allocator(const roomy_allocator<U, Base>& other) noexcept : base_(other.base()) {}

  T* allocate(std::size_t n) {
    static_assert(alignof(T) <= alignof(piece));
    pieces from(base_);
    return reinterpret_cast<T*>(std::allocator_traits<pieces>::allocate(from, pieces_of(n * sizeof(T))));
  }
  void deallocate(T* at, std::size_t n) noexcept {
    pieces from(base_);
    std::allocator_traits<pieces>::deallocate(from, reinterpret_cast<piece*>(at), pieces_of(n * sizeof(T)));
  }
  const Base& base() const noexcept { return base_; }
  template <class U>
  bool operator==(const roomy_allocator<U, Base>& other) const noexcept {
    return base_ == other.base();
  }

 private:
  Base base_;
};

// An operation counts as outstanding work of its handler's executor until it completes, so that an event loop which
// runs nothing but completion handlers does not end before them. `work` is empty if that executor is the operation's
// own. `without_size`: the handler takes the error_code alone, of an operation that transfers no bytes.
template <class Handler, bool without_size = false>
struct working_handler {
  Handler handler;
  net::any_completion_executor work;

  using base_allocator = net::associated_allocator_t<Handler, net::recycling_allocator<void>>;
  using allocator_type = roomy_allocator<void, base_allocator>;
  allocator_type get_allocator() const noexcept {
    return allocator_type(net::get_associated_allocator(handler, net::recycling_allocator<void>()));
  }
  template <class First, class... Rest>
  void operator()(First&& first, Rest&&... rest) {
    if constexpr (without_size) {
      std::move(handler)(std::forward<First>(first));
    } else {
      std::move(handler)(std::forward<First>(first), std::forward<Rest>(rest)...);
    }
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

// All operations of a stream have handlers of one type, so that their waits have too.
using operation_handler = erased_handler<error_code, std::size_t>;
template <class Handler, class Executor>
operation_handler erase_without_size(Handler&& handler, const Executor& own) {
  auto work = work_for(handler, own);
  return operation_handler(
      working_handler<std::decay_t<Handler>, true>{std::forward<Handler>(handler), std::move(work)});
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice

// Executor and cancellation slot are the handler's.
template <template <class, class> class Associator, class Handler, bool without_size, class Default>
struct boost::asio::associator<Associator, sluice::detail::working_handler<Handler, without_size>, Default>
    : Associator<Handler, Default> {
  static decltype(auto) get(const sluice::detail::working_handler<Handler, without_size>& h) noexcept {
    return Associator<Handler, Default>::get(h.handler);
  }
  static decltype(auto) get(const sluice::detail::working_handler<Handler, without_size>& h,
                            const Default& otherwise) noexcept {
    return Associator<Handler, Default>::get(h.handler, otherwise);
  }
};
