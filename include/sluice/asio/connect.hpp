// SPDX-License-Identifier: Apache-2.0
// async_connect: name resolution, TCP, the TLS handshake and its verification, under one deadline.
#pragma once

#include "sluice/asio/prelude.hpp"
#include "sluice/asio/socket_options.hpp"
#include "sluice/asio/stream.hpp"
#include "sluice/retry.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sluice {
inline namespace v0 {

// One address to which a connection was attempted.
struct connect_attempt {
  net::ip::tcp::endpoint endpoint;      // one of the addresses of the host, with the port
  std::chrono::nanoseconds began{};     // since the operation began
  std::chrono::nanoseconds duration{};  // the time that the attempt took; never zero
  error_code error;                     // operation_aborted when another address was faster
};

// The course of async_connect, for tools that display it. It is complete before the operation completes, also on error.
struct connect_report {
  handshake_timings timings;              // of the last try
  std::vector<connect_attempt> attempts;  // of all tries
  unsigned tries = 0;                     // the number of retries plus one
  std::chrono::nanoseconds waited{};      // the delays between the tries, summed
  // Of the last try's TLS handshake: the certificates of a peer that was rejected, unverified; and the messages, if the
  // context's options have record_transcript.
  std::vector<certificate> unverified_certificates;
  handshake_transcript handshake;      // empty without record_transcript
  std::chrono::nanoseconds prelude{};  // the time that the last try's prelude took
};

// Trivially copyable, so that `co_await async_connect(…, {.timeout = 5s})` is safe with every supported compiler. The
// strings and lists that the views refer to are copied before async_connect returns.
struct connect_options {
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);  // for the whole, with retries; 0 or less: no time
  std::string_view server_name = {};                            // the name to verify, if it is not `host`
  alpn_view alpn = {};                                          // replaces the context's list unless it is empty
  sluice::failure* failure = nullptr;                           // explains the error, if there is one
  connect_report* report = nullptr;  // filled in, if it is given; it must outlive the operation, as `failure` must
  // By default there are no retries; `.retry = {}` allows five. A retry follows an error that is_retryable() and starts
  // from the beginning, with the name resolution. If the peer closes the connection during the handshake, there is no
  // retry, unless it does so before its first record. If the delay before a retry would exceed `timeout`, the last
  // error is reported at once.
  retry_options retry = no_retries;
  tcp_options tcp = {};                 // for the socket of each attempt, before it connects
  std::string_view interface = {};      // use this interface only, "eth1"; at most 15 bytes
  std::string_view local_address = {};  // bind to this IP address; addresses of the other family are not tried
  // Early data (0-RTT), sent with the ClientHello if a session allows it; see connection_options for what may be sent.
  // info().early_bytes is the part that the server has accepted: write the rest. Only the first try sends early data.
  std::string_view early_data = {};
  sluice::prelude* prelude = nullptr;  // runs before TLS (STARTTLS, a proxy); must outlive the operation
  // The server's port, if async_connect connects to another one (a proxy's). Sessions are stored by it.
  std::uint16_t session_port = 0;
  bool serial = false;  // the executor runs one function at a time: see stream_options::serial
};
static_assert(std::is_trivially_copyable_v<connect_options>);

namespace detail {

struct connect_request {
  context ctx;
  std::string host, service;
  std::string server_name;
  alpn_list alpn;
  std::chrono::nanoseconds timeout;
  sluice::failure* failure;
  connect_report* report;
  retry_options retry;
  tcp_options tcp;
  std::string interface, local_address;
  std::vector<std::byte> early_data;
  sluice::prelude* prelude;
  std::uint16_t session_port;
  bool serial;
};

connect_request make_request(const context& ctx, std::string_view host, std::string_view service,
                             const connect_options& options);
void start_connect(const net::any_io_executor& executor, connect_request request,
                   erased_handler<error_code, tcp_stream> handler);

template <class T>
concept execution_context = std::is_convertible_v<T&, net::execution_context&>;
template <class T>
concept io_executor = std::is_convertible_v<T, net::any_io_executor> && !execution_context<T>;
template <class T>
concept completion_token = !std::is_convertible_v<T, connect_options>;

struct initiate_connect_on {
  using executor_type = net::any_io_executor;
  net::any_io_executor executor;
  executor_type get_executor() const noexcept { return executor; }

  template <class Handler>
  void operator()(Handler&& handler, connect_request request) const {
    start_connect(executor, std::move(request),
                  erase_handler<error_code, tcp_stream>(std::forward<Handler>(handler), executor));
  }
};

struct initiate_connect_here {
  template <class Handler>
  void operator()(Handler&& handler, connect_request request) const {
    const auto executor = net::get_associated_executor(handler);
    static_assert(std::is_same_v<std::remove_cv_t<decltype(executor)>, net::any_io_executor>,
                  "async_connect without an executor is for coroutines: pass an executor or an io_context first");
    start_connect(executor, std::move(request),
                  erase_handler<error_code, tcp_stream>(std::forward<Handler>(handler), executor));
  }
};

}  // namespace detail

// Connects to `host`:`service` and completes with an established stream: void(error_code, tcp_stream).
//
// Addresses are tried as RFC 8305 describes: IPv6 and IPv4 alternate, the next attempt starts after a quarter of a
// second, and the first connection wins. The certificate must be valid for `host`, or for options.server_name. After an
// error the stream is closed and its last_failure() explains the error. A completion token that throws loses the
// stream: pass options.failure then.
//
// Threads: `executor` becomes the stream's executor, and the caller's objects are used on no other. Cancellation:
// terminal, between two tries too.
template <detail::io_executor Executor, detail::completion_token Token = detail::default_token<Executor>>
auto async_connect(const Executor& executor, const context& ctx, std::string_view host, std::string_view service,
                   connect_options options, Token&& token = Token()) {
  return net::async_initiate<Token, void(error_code, tcp_stream)>(detail::initiate_connect_on{executor}, token,
                                                                  detail::make_request(ctx, host, service, options));
}
template <detail::io_executor Executor, detail::completion_token Token = detail::default_token<Executor>>
auto async_connect(const Executor& executor, const context& ctx, std::string_view host, std::string_view service,
                   Token&& token = Token()) {
  return async_connect(executor, ctx, host, service, connect_options{}, std::forward<Token>(token));
}
template <detail::execution_context Context, detail::completion_token Token = net::deferred_t>
auto async_connect(Context& io, const context& ctx, std::string_view host, std::string_view service,
                   connect_options options, Token&& token = Token()) {
  return async_connect(net::any_io_executor(io.get_executor()), ctx, host, service, options,
                       std::forward<Token>(token));
}
template <detail::execution_context Context, detail::completion_token Token = net::deferred_t>
auto async_connect(Context& io, const context& ctx, std::string_view host, std::string_view service,
                   Token&& token = Token()) {
  return async_connect(net::any_io_executor(io.get_executor()), ctx, host, service, connect_options{},
                       std::forward<Token>(token));
}

// Runs on the executor of the coroutine that awaits it.
template <detail::completion_token Token = net::deferred_t>
auto async_connect(const context& ctx, std::string_view host, std::string_view service, connect_options options,
                   Token&& token = Token()) {
  return net::async_initiate<Token, void(error_code, tcp_stream)>(detail::initiate_connect_here{}, token,
                                                                  detail::make_request(ctx, host, service, options));
}
template <detail::completion_token Token = net::deferred_t>
auto async_connect(const context& ctx, std::string_view host, std::string_view service, Token&& token = Token()) {
  return async_connect(ctx, host, service, connect_options{}, std::forward<Token>(token));
}

}  // namespace v0
}  // namespace sluice
