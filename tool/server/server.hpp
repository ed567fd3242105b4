// SPDX-License-Identifier: Apache-2.0
// The server behind `serve`: accepts, reports events, drains. One thread, the one that runs `io`.
#pragma once

#include "server/serving.hpp"

#include "sluice/asio/acceptor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>

namespace sluice::tool {

// Of clients whose first record has not come: as the options of an acceptor.
struct silence_settings {
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<std::size_t> most;
  std::size_t max_per_address = 0;
};

struct server_settings {
  boost::asio::ip::tcp::endpoint listen;
  serve_mode mode = serve_mode::echo;
  std::size_t max_clients = SIZE_MAX;     // served at a time
  std::uint64_t exit_after = UINT64_MAX;  // finished handshakes, failed ones included
  silence_settings silent;
  std::chrono::milliseconds timeout{10000};  // for a handshake, a request of HTTP, and for draining
  std::optional<misbehaviour> fail;
};

// A handshake that ended: `client` or `why` is set. The peer is not known when it hung up at once.
struct handshake_result {
  std::optional<boost::asio::ip::tcp::endpoint> peer;
  served_client* client = nullptr;
  const failure* error = nullptr;
};

struct server_events {
  std::function<void(const handshake_result&)> on_handshake;
  std::function<void()> on_draining;
  std::function<void(const failure&)> on_trouble;  // of the listener, which goes on
};

class server {
 public:
  // Listens; throws sluice::error with errc::in_use or errc::invalid_argument.
  server(boost::asio::io_context& io, const context& tls, server_settings settings, server_events events);

  boost::asio::ip::tcp::endpoint address() const;
  std::uint64_t handshakes() const noexcept { return finished_; }  // failed ones included
  std::uint64_t failed() const noexcept { return failed_; }

  void start();
  // No new clients; quiet connections are sent close_notify, the others may finish within the timeout.
  void drain();

 private:
  using client_list = std::list<std::unique_ptr<served_client>>;

  boost::asio::awaitable<void> accept_all();
  boost::asio::awaitable<void> see_off_clients();
  boost::asio::awaitable<void> end_long_waits();
  boost::asio::awaitable<void> accept_unruly();
  boost::asio::awaitable<void> meet(boost::asio::ip::tcp::socket socket, std::uint64_t number);
  boost::asio::awaitable<void> fail_handshake(boost::asio::ip::tcp::socket& socket);
  void serve(tcp_stream s, const misbehaviour* how_to_fail = nullptr);
  void count(const handshake_result& one);
  void stop_accepting();
  void end_if_done();

  boost::asio::io_context& io_;
  const context tls_;
  server_settings settings_;
  server_events events_;
  std::unique_ptr<acceptor> acceptor_;
  std::optional<boost::asio::ip::tcp::acceptor> unruly_;  // instead, where some are to be failed
  client_list clients_;
  boost::asio::steady_timer room_;  // cancelled when a client leaves
  std::uint64_t finished_ = 0;
  std::uint64_t failed_ = 0;
  bool is_closing_ = false;
  bool is_draining_ = false;
  bool is_accepting_ = false;
};

}  // namespace sluice::tool
