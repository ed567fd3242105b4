// SPDX-License-Identifier: Apache-2.0
// The functions that Boost.Beast needs of a stream beside reading and writing: teardown and close.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/beast/core/detail/is_invocable.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <utility>

namespace sluice {
inline namespace v0 {

namespace detail {

template <class NextLayer>
void close_lowest(stream<NextLayer>& s) {
  error_code ignored;
  s.lowest_layer().close(ignored);
}

template <class NextLayer>
struct teardown_operation {
  stream<NextLayer>& s;

  template <class Self>
  void operator()(Self& self) {
    self.reset_cancellation_state(net::enable_total_cancellation());
    s.async_shutdown(std::move(self));
  }
  template <class Self>
  void operator()(Self& self, const error_code& ec) {
    close_lowest(s);
    self.complete(ec);
  }
};

}  // namespace detail

// Found by argument-dependent lookup when a WebSocket over a stream ends. It shuts TLS down, at most for the shutdown
// time-out, and then closes the socket: after close_notify, no data that are still in transit matter.
template <class NextLayer>
void teardown(boost::beast::role_type, stream<NextLayer>& s, error_code& ec) {
  s.shutdown(ec);
  detail::close_lowest(s);
}

// As teardown(), without blocking. It completes with the error of the shutdown, void(error_code), and closes the socket
// in any case. Cancellation: terminal.
template <class NextLayer, class Handler>
void async_teardown(boost::beast::role_type, stream<NextLayer>& s, Handler&& handler) {
  static_assert(boost::beast::detail::is_invocable<Handler, void(error_code)>::value,
                "the handler of async_teardown takes an error_code");
  net::async_compose<Handler, void(error_code)>(detail::teardown_operation<NextLayer>{s}, handler, s);
}

// Called by boost::beast::close_socket(s).
template <class NextLayer>
void beast_close_socket(stream<NextLayer>& s) {
  detail::close_lowest(s);
}

}  // namespace v0
}  // namespace sluice
