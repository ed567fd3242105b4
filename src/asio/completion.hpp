// SPDX-License-Identifier: Apache-2.0
// Calling a user's handler, the way Asio promises: on its executor, and never from inside the initiating call.
#pragma once

#include "sluice/asio/net.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

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
