// SPDX-License-Identifier: Apache-2.0
// acceptor: listens, shakes hands with many clients side by side, and hands out finished streams.
#pragma once

#include "sluice/asio/socket_options.hpp"
#include "sluice/asio/stream.hpp"

#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>

namespace sluice::inline v0 {

// Not for use inside a co_await expression (a member is not trivially copyable): give it a name first.
struct acceptor_options {
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);  // from the first record on; 0: no time
  std::size_t max_handshakes = 256;  // in flight or finished and not fetched; the backlog has the rest. 0 counts as 1
  // A client is silent until its first record has come whole. It costs a socket till then, and no handshake. When
  // there are `max_silent` of them, or descriptors run out, the oldest is closed (at most half of the process's limit
  // of descriptors, whatever is said here). A share for each address, IPv6 by its /64, has an address that reaches it
  // lose its own oldest silent connection, never a newer one and none of another's; 0: none, since behind a load
  // balancer all clients have one address.
  std::chrono::nanoseconds silent_timeout = std::chrono::nanoseconds(0);  // 0: as long as handshake_timeout
  std::size_t max_silent = 4096;
  std::size_t max_silent_per_address = 0;
  int backlog = 4096;
  bool reuse_port = false;  // SO_REUSEPORT: one acceptor a thread, each with its own io_context
  tcp_options tcp = {};    // of each accepted socket
  std::string interface = {};   // listen on this one alone, "eth1"; empty: on all that have the address
  bool per_core = false;    // streams run on the acceptor's executor itself, not each on a strand of its own
  // Each client that was silent for too long or whose handshake failed, and each trouble of the listener (EMFILE) that
  // accepting outlives. Called on the acceptor's executor. What it throws comes out of io_context::run(); the acceptor
  // is whole then, and goes on when run() is called again.
  std::function<void(const failure&, const net::ip::tcp::endpoint&)> on_failure = {};
};

namespace detail {

class acceptor_core;
struct acceptor_counts {
  std::size_t in_flight = 0;
  std::size_t ready = 0;
  std::size_t silent = 0;
};
std::shared_ptr<acceptor_core> make_acceptor(const net::any_io_executor& executor, const net::ip::tcp::endpoint& at,
                                             const context& ctx, acceptor_options options);
void start_accept(acceptor_core& core, erased_handler<error_code, tcp_stream> handler);
void close(acceptor_core& core) noexcept;
net::ip::tcp::endpoint local_endpoint(const acceptor_core& core);
acceptor_counts counts(const acceptor_core& core);
net::any_io_executor executor_of(const acceptor_core& core);

}  // namespace detail

// A listening socket that yields only streams whose handshake is done. Clients that are silent or fail delay nobody and
// end nothing: on_failure hears of it, and accepting goes on, with a pause where the system is out of descriptors. One
// that stalls in its handshake has a place till handshake_timeout: with `max_handshakes` of them accepting pauses.
//
// Threads: distinct objects safe; one object from one thread at a time; close() and the destructor may be called while
// other threads run its streams. Streams are on strands of their own.
class acceptor {
 public:
  using executor_type = net::any_io_executor;

  // Throws boost::system::system_error when it cannot listen there, sluice::error when an option is refused.
  acceptor(const net::any_io_executor& executor, const net::ip::tcp::endpoint& at, const context& ctx,
           acceptor_options options = {})
      : core_(detail::make_acceptor(executor, at, ctx, std::move(options))) {}
  template <class ExecutionContext>
    requires std::is_convertible_v<ExecutionContext&, net::execution_context&>
  acceptor(ExecutionContext& io, const net::ip::tcp::endpoint& at, const context& ctx, acceptor_options options = {})
      : acceptor(net::any_io_executor(io.get_executor()), at, ctx, std::move(options)) {}
  acceptor(acceptor&&) noexcept = default;
  acceptor& operator=(acceptor&&) = delete;
  ~acceptor() {
    if (core_) detail::close(*core_);
  }

  executor_type get_executor() const { return detail::executor_of(*core_); }
  net::ip::tcp::endpoint local_endpoint() const { return detail::local_endpoint(*core_); }

  // void(error_code, tcp_stream). Fails for close() and cancellation (operation_aborted) and for a broken listener,
  // never for a client. Any number may be outstanding. Cancellation: terminal, partial and total; handshakes in
  // flight go on, and a later async_accept gets their streams. Accepting begins with the first.
  template <class Token = net::deferred_t>
  auto async_accept(Token&& token = Token()) {
    return net::async_initiate<Token, void(error_code, tcp_stream)>(initiate{core_}, token);
  }

  // Stops listening, ends handshakes in flight, completes every async_accept with operation_aborted.
  void close() { detail::close(*core_); }

  std::size_t handshakes_in_flight() const { return detail::counts(*core_).in_flight; }
  std::size_t silent_connections() const { return detail::counts(*core_).silent; }

 private:
  struct initiate {
    std::shared_ptr<detail::acceptor_core> core;
    using executor_type = net::any_io_executor;
    executor_type get_executor() const noexcept { return detail::executor_of(*core); }
    template <class Handler>
    void operator()(Handler&& handler) const {
      detail::start_accept(
          *core, detail::erase_handler<error_code, tcp_stream>(std::forward<Handler>(handler), get_executor()));
    }
  };

  std::shared_ptr<detail::acceptor_core> core_;
};

}  // namespace sluice::inline v0
