// SPDX-License-Identifier: Apache-2.0
// acceptor: listens, performs the handshakes of many clients concurrently, and returns established streams.
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

namespace sluice {
inline namespace v0 {

// Not for use inside a co_await expression, because a member is not trivially copyable: give the object a name first.
struct acceptor_options {
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);  // counts from the first record; 0: no time
  std::size_t max_handshakes = 256;  // in flight, or done and not yet accepted; others wait in the backlog. 0 means 1
  // A client is silent until its first record is complete; until then it uses a socket, the memory of what it has sent
  // of that record (at most 18 KiB), and no handshake. When there are `max_silent` silent clients, or no descriptors
  // left, the acceptor closes the oldest. Whatever the option says, silent clients use at most half of the descriptors
  // that the process may have. `max_silent_per_address` limits them for each IP address (IPv6: each /64). An address
  // that reaches its limit loses its own oldest silent connection, not a newer one, and no other address loses any. 0
  // means no such limit, because behind a load balancer all clients have the same address.
  std::chrono::nanoseconds silent_timeout = std::chrono::nanoseconds(0);  // 0: the same as handshake_timeout
  std::size_t max_silent = 4096;                                          // of all addresses together; 0 means 1
  std::size_t max_silent_per_address = 0;                                 // 0 means no such limit
  int backlog = 4096;          // of listen(2): connections that wait to be accepted; net.core.somaxconn limits it too
  bool reuse_port = false;     // SO_REUSEPORT, for one acceptor per thread, each with its own io_context
  tcp_options tcp = {};        // for each accepted socket
  std::string interface = {};  // listen on this interface only, "eth1"; empty: on all that have the address
  // Runs the streams on the acceptor's executor itself, not each on a strand of its own. The executor must run one
  // function at a time (see stream_options::serial), and async_accept() must be called on it, or before it runs.
  bool per_core = false;
  // Reports each client that was silent for too long or whose handshake failed, and each error of the listener (EMFILE)
  // after which it goes on accepting. It is called on the acceptor's executor. An exception that it throws leaves
  // io_context::run(); the acceptor remains usable and continues when run() is called again.
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

// A listening socket that returns streams whose handshake is done. Clients that stay silent or fail neither delay
// others nor stop the acceptor: it reports them to on_failure and goes on, after a pause if the system has no
// descriptors left. A client that stalls in its handshake occupies a place until handshake_timeout; while
// `max_handshakes` places are occupied, the acceptor accepts nobody.
//
// Threads: distinct objects are safe; one object may be used by one thread at a time. close() and the destructor may be
// called while other threads run its streams. Each stream has a strand of its own.
class acceptor {
 public:
  using executor_type = net::any_io_executor;  // as Asio requires of an I/O object

  // Throws boost::system::system_error when it cannot listen at `at`, and sluice::error when an option is invalid.
  acceptor(const net::any_io_executor& executor, const net::ip::tcp::endpoint& at, const context& ctx,
           acceptor_options options = {})
      : core_(detail::make_acceptor(executor, at, ctx, std::move(options))) {}
  // The same on the executor of an io_context or a thread_pool.
  template <class ExecutionContext>
  requires std::is_convertible_v<ExecutionContext&, net::execution_context&> acceptor(ExecutionContext& io,
                                                                                      const net::ip::tcp::endpoint& at,
                                                                                      const context& ctx,
                                                                                      acceptor_options options = {})
      : acceptor(net::any_io_executor(io.get_executor()), at, ctx, std::move(options)) {}
  // An acceptor that was moved from may only be destroyed.
  acceptor(acceptor&&) noexcept = default;
  acceptor& operator=(acceptor&&) = delete;
  ~acceptor() {
    if (core_) detail::close(*core_);
  }

  // Returns the executor that it was made with. on_failure is called on it, and the strands of the streams are made
  // from it.
  executor_type get_executor() const { return detail::executor_of(*core_); }
  // Returns the address that it was bound to, with the port that the system chose if the given one was 0. It stays
  // known after close().
  net::ip::tcp::endpoint local_endpoint() const { return detail::local_endpoint(*core_); }

  // void(error_code, tcp_stream). It fails after close() and cancellation (operation_aborted) and when the listener is
  // broken, never because of a client. Any number may be outstanding; the first one starts accepting. Cancellation:
  // terminal, partial and total; handshakes in flight continue, and a later async_accept returns their streams.
  template <class Token = net::deferred_t>
  auto async_accept(Token&& token = Token()) {
    return net::async_initiate<Token, void(error_code, tcp_stream)>(initiate{core_}, token);
  }

  // Stops listening, cancels the handshakes in flight, and completes every async_accept with operation_aborted.
  void close() { detail::close(*core_); }

  // Returns the number of handshakes that have begun and not ended; streams that are done and not yet accepted do not
  // count. Any thread may call it.
  std::size_t handshakes_in_flight() const { return detail::counts(*core_).in_flight; }
  // Returns the number of clients whose first record is not complete yet (see max_silent). Any thread may call it.
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

}  // namespace v0
}  // namespace sluice
