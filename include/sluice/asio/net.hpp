// SPDX-License-Identifier: Apache-2.0
// The alias net for boost::asio. All other code uses net.
#pragma once

#include "sluice/asio/detail/same_settings.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/version.hpp>

#include <type_traits>

#if BOOST_ASIO_VERSION < 102600
#error "Sluice needs Boost 1.81 or newer (any_completion_handler, per-operation cancellation)"
#endif

namespace sluice {
inline namespace v0 {

namespace net = boost::asio;

namespace detail {

// The executor's default completion token, or deferred if it has none, so that `co_await s.async_shutdown()` works with
// every supported Boost.
template <class Executor>
using default_token = std::conditional_t<std::is_void_v<net::default_completion_token_t<Executor>>, net::deferred_t,
                                         net::default_completion_token_t<Executor>>;

template <class... Args>
using erased_handler = net::any_completion_handler<void(Args...)>;

}  // namespace detail

}  // namespace v0
}  // namespace sluice
