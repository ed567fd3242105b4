// SPDX-License-Identifier: Apache-2.0
// A TLS stream over TCP or over a Unix socket, where a verb does not mind which.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <utility>
#include <variant>
#include <vector>

namespace sluice::tool {

// Reads and writes as its stream does, with tokens whose result is the same for both: callbacks and awaitables.
class any_stream {
 public:
  using executor_type = boost::asio::any_io_executor;

  any_stream(tcp_stream s) : one_(std::move(s)) {}
  any_stream(unix_stream s) : one_(std::move(s)) {}

  executor_type get_executor() const {
    return std::visit([](const auto& s) { return executor_type(s.get_executor()); }, one_);
  }
  const connection_info& info() const {
    return std::visit([](const auto& s) -> const connection_info& { return s.info(); }, one_);
  }
  const failure& last_failure() const {
    return std::visit([](const auto& s) -> const failure& { return s.last_failure(); }, one_);
  }
  const handshake_timings& timings() const {
    return std::visit([](const auto& s) -> const handshake_timings& { return s.timings(); }, one_);
  }
  connection_statistics statistics() const {
    return std::visit([](const auto& s) { return s.statistics(); }, one_);
  }
  std::vector<certificate> verified_chain() const {
    return std::visit([](const auto& s) { return s.verified_chain(); }, one_);
  }
  bool is_established() const {
    return std::visit([](const auto& s) { return s.is_established(); }, one_);
  }
  void set_timeouts(std::chrono::nanoseconds handshake, std::chrono::nanoseconds shutdown) {
    std::visit([&](auto& s) { s.set_timeouts(handshake, shutdown); }, one_);
  }
  error_code request_key_update() {
    return std::visit([](auto& s) { return s.request_key_update(); }, one_);
  }

  template <class Token>
  auto async_handshake(Token&& token) {
    return std::visit([&](auto& s) { return s.async_handshake(std::forward<Token>(token)); }, one_);
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return std::visit([&](auto& s) { return s.async_read_some(buffers, std::forward<Token>(token)); }, one_);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return std::visit([&](auto& s) { return s.async_write_some(buffers, std::forward<Token>(token)); }, one_);
  }
  template <class Token>
  auto async_shutdown(Token&& token) {
    return std::visit([&](auto& s) { return s.async_shutdown(std::forward<Token>(token)); }, one_);
  }
  template <class Token>
  auto async_shutdown_write(Token&& token) {
    return std::visit([&](auto& s) { return s.async_shutdown_write(std::forward<Token>(token)); }, one_);
  }

  // The socket below.
  int native_handle() {
    return std::visit([](auto& s) { return s.lowest_layer().native_handle(); }, one_);
  }
  template <class Token>
  auto async_wait_readable(Token&& token) {
    const auto wait = [&](auto& s) {
      using socket = std::remove_reference_t<decltype(s.lowest_layer())>;
      return s.lowest_layer().async_wait(socket::wait_read, std::forward<Token>(token));
    };
    return std::visit(wait, one_);
  }
  void cancel_waits() {
    error_code ignored;
    std::visit([&](auto& s) { s.lowest_layer().cancel(ignored); }, one_);
  }

 private:
  std::variant<tcp_stream, unix_stream> one_;
};

}  // namespace sluice::tool
