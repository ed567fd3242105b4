// SPDX-License-Identifier: Apache-2.0
// What Boost.Beast asks of a stream beside reading and writing: how to tear it down.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/beast/core/role.hpp>

#include <utility>

namespace sluice::inline v0 {

// Found by argument-dependent lookup when a WebSocket over a stream closes. Bounded, as async_shutdown is.
template <class NextLayer>
void teardown(boost::beast::role_type, stream<NextLayer>& s, error_code& ec) {
  s.shutdown(ec);
}

template <class NextLayer, class Handler>
void async_teardown(boost::beast::role_type, stream<NextLayer>& s, Handler&& handler) {
  s.async_shutdown(std::forward<Handler>(handler));
}

// boost::beast::get_lowest_layer and close_socket reach the socket through these.
template <class NextLayer>
void beast_close_socket(stream<NextLayer>& s) {
  error_code ignored;
  s.lowest_layer().close(ignored);
}

}  // namespace sluice::inline v0
