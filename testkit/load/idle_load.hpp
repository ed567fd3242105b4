// SPDX-License-Identifier: Apache-2.0
// Many connections that are made and then only kept.
#pragma once

#include "testkit/load/connection.hpp"
#include "testkit/load/load_share.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <array>
#include <list>
#include <optional>

namespace sluice::testkit {

struct idle_settings {
  connection_settings connection;
  std::size_t connections = 1;
  std::size_t openers = 64;    // handshakes at a time
  std::optional<double> rate;  // connections to be made a second
};

// prepare() makes the connections, each once: counts() has how long each took from when it was due. From then on each
// is read from; one that ends was dropped, and its end is a failure. stop() ends those that are left by close_notify.
class idle_load final : public load_share {
 public:
  idle_load(boost::asio::io_context& io, context tls, idle_settings settings);
  void prepare() override;
  void begin(const load_window&) override {}
  void stop() override;

  std::size_t held() const noexcept { return held_; }        // any thread
  std::size_t dropped() const noexcept { return dropped_; }  // any thread

 private:
  struct connection_held {
    explicit connection_held(tcp_stream stream) : s(std::move(stream)) {}
    tcp_stream s;
    std::array<char, 16> some;
    boost::asio::cancellation_signal cancel;
  };
  using held_list = std::list<connection_held>;

  boost::asio::awaitable<void> open_some();
  void read(held_list::iterator place);
  void end(held_list::iterator place, error_code ec);
  void forget(held_list::iterator place);
  void exchange_close_notify(held_list::iterator place);

  const context tls_;
  const idle_settings settings_;
  held_list all_;
  std::size_t begun_ = 0;
  std::atomic<std::size_t> held_{0}, dropped_{0};
};

}  // namespace sluice::testkit
